// SPDX-License-Identifier: Apache-2.0
#pragma once
// AdamW on the device: one pass over all parameters.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/adamw.hpp>

#include <cmath>
#include <concepts>

namespace scale::opencl {

namespace detail {

/// ROUNDED is the type of the rounded parameters, ROUND(x) one of them.
inline constexpr program_source adamw_program{"adamw", {R"CL(
// To nearest even; NaN stays one.
ushort bf16_bits(float value) {
  uint const bits = as_uint(value);
  return isnan(value) ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

kernel void adamw_step(long n, ARRAY(float const, gradient), ARRAY(float, param), ARRAY(float, m), ARRAY(float, v),
                       ARRAY(ROUNDED, rounded), float decay, float beta1, float beta2, float rest1, float rest2,
                       float rate, float root_correction, float eps) {
  FOR_ELEMENTS(row, k, n) {
    float const g = DATA(gradient)[k];
    float const first = beta1 * DATA(m)[k] + rest1 * g, second = beta2 * DATA(v)[k] + rest2 * g * g;
    float const p = DATA(param)[k] * decay - rate * first / (sqrt(second) / root_correction + eps);
    DATA(m)[k] = first;
    DATA(v)[k] = second;
    DATA(param)[k] = p;
    if (GIVEN(rounded)) DATA(rounded)[k] = ROUND(p);
  }
}
)CL"}};

template <class T>
inline constexpr char const* rounded_defines =
    std::same_as<T, bf16> ? "-D ROUNDED=ushort -D ROUND=bf16_bits" : "-D ROUNDED=float -D ROUND(x)=x";

}  // namespace detail

template <opencl_storage T>
void adamw_step(context const& c, tensor_view<float const, 1, context> gradient, adamw_args<T, context> const& a) {
  auto const rounded = [](double factor) { return static_cast<float>(factor); };
  double const step = static_cast<double>(a.step);
  index_t const n = gradient.size();
  detail::launch_with(c, "adamw_step", detail::adamw_program, detail::rounded_defines<T>, "adamw_step",
                      detail::elements(1, n), n, gradient.data_handle(), a.param.data_handle(), a.m.data_handle(),
                      a.v.data_handle(), a.rounded.data_handle(), rounded(1 - a.lr * a.weight_decay), rounded(a.beta1),
                      rounded(a.beta2), rounded(1 - a.beta1), rounded(1 - a.beta2),
                      rounded(a.lr / (1 - std::pow(a.beta1, step))), rounded(std::sqrt(1 - std::pow(a.beta2, step))),
                      rounded(a.eps));
}

}  // namespace scale::opencl
