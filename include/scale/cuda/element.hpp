// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the CUDA backend computes in.

#include <scale/core/dtype.hpp>

#include <concepts>

namespace scale::cuda {

/// Operators read and write either type and compute in stat_t<T>, float.
template <class T>
concept device_float = std::same_as<T, float> || std::same_as<T, bf16>;

}  // namespace scale::cuda
