// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the OpenCL backend computes in.

#include <scale/core/dtype.hpp>

#include <concepts>

namespace scale::opencl {

/// What operators read, compute in and write.
template <class T>
concept opencl_float = std::same_as<T, float>;

}  // namespace scale::opencl
