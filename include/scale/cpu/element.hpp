// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the CPU backend computes in.

#include <scale/core/dtype.hpp>

#include <concepts>

namespace scale::cpu {

/// What an operator takes that computes in float alone.
template <class T>
concept cpu_float = std::same_as<T, float>;

/// What an operator takes that reads and writes either type and computes in stat_t<T>, float.
template <class T>
concept cpu_element = std::same_as<T, float> || std::same_as<T, bf16>;

}  // namespace scale::cpu
