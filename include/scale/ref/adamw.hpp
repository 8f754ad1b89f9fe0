// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference AdamW step.

#include <scale/ops/adamw.hpp>
#include <scale/ref/context.hpp>

#include <cmath>

namespace scale::ref {

template <floating T>
void adamw_step(context const&, tensor_view<acc_t<T> const, 1, context> gradient, adamw_args<T, context> const& a) {
  using acc = acc_t<T>;
  acc const decay = acc(1 - a.lr * a.weight_decay);
  acc const beta1 = acc(a.beta1), beta2 = acc(a.beta2);
  acc const rest1 = acc(1 - a.beta1), rest2 = acc(1 - a.beta2);
  acc const rate = acc(a.lr / (1 - std::pow(a.beta1, static_cast<double>(a.step))));
  acc const root_correction = acc(std::sqrt(1 - std::pow(a.beta2, static_cast<double>(a.step))));
  acc const eps = acc(a.eps);
  for (index_t i = 0; i < gradient.size(); ++i) {
    acc const g = gradient(i);
    acc const m = beta1 * a.m(i) + rest1 * g;
    acc const v = beta2 * a.v(i) + rest2 * g * g;
    a.m(i) = m;
    a.v(i) = v;
    a.param(i) = a.param(i) * decay - rate * m / (std::sqrt(v) / root_correction + eps);
    if (a.rounded.has_data()) a.rounded(i) = T(a.param(i));
  }
}

}  // namespace scale::ref
