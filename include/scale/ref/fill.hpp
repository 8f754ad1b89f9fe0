// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference fill.

#include <scale/ops/fill.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>

namespace scale::ref {

template <element T>
void fill(context const&, tensor_view<T, 1, context> destination, T value) {
  std::fill_n(destination.data_handle(), destination.size(), value);
}

}  // namespace scale::ref
