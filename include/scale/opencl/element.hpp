// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the OpenCL backend computes in.

#include <scale/core/dtype.hpp>

#include <concepts>

namespace scale::opencl {

/// What operators read, compute in and write.
template <class T>
concept opencl_float = std::same_as<T, float>;

/// What the optimiser rounds parameters to.
template <class T>
concept opencl_storage = opencl_float<T> || std::same_as<T, bf16>;

}  // namespace scale::opencl
