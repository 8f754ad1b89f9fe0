// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the CPU backend computes in.

#include <concepts>

namespace scale::cpu {

/// float today; a type is added here when every operator of the backend handles it.
template <class T>
concept cpu_float = std::same_as<T, float>;

}  // namespace scale::cpu
