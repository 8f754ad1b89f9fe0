// SPDX-License-Identifier: Apache-2.0
#pragma once
// A batch of sets as probes see it.

#include <scale/core/tensor.hpp>

namespace scale {

/// `input` is what the set transformer reads: x itself, or x'. Networks that read x alone need neither it nor position.
template <floating T, backend B>
struct probe_batch {
  tensor_view<T const, 2, B> x;         // [sets * clips, D]
  tensor_view<T const, 2, B> input;     // [sets * clips, D]
  tensor_view<T const, 2, B> position;  // [sets * clips, 7]
  index_t clips = 0;
};

}  // namespace scale
