// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types that the CPU backend computes in.

#include <scale/core/dtype.hpp>

#include <concepts>

namespace scale::cpu {

/// Operators read and write either type and compute in stat_t<T>, float. oneDNN has no bf16 on processors without
/// AVX-512: what needs it is a resource_error there.
template <class T>
concept cpu_element = std::same_as<T, float> || std::same_as<T, bf16>;

}  // namespace scale::cpu
