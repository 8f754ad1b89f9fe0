// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stores of computed values in loops over any element type.

#include <scale/core/config.hpp>
#include <scale/core/dtype.hpp>

namespace scale::cpu::detail {

/// to = value, rounded once. Loops over it vectorise; over `to = bf16(value)`, which assigns a class, they do not.
SCALE_ALWAYS_INLINE void round_to(double& to, double value) { to = value; }
SCALE_ALWAYS_INLINE void round_to(float& to, float value) { to = value; }
SCALE_ALWAYS_INLINE void round_to(bf16& to, float value) { to.bits = scale::detail::float_to_bf16_bits(value); }

}  // namespace scale::cpu::detail
