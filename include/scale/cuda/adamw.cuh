// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of AdamW: one pass over all parameters.

#include <scale/cuda/adamw.hpp>
#include <scale/cuda/detail/elementwise.cuh>

#include <cmath>

namespace scale::cuda::detail {

/// What a step computes with; from double, rounded once.
struct adamw_factors {
  float decay, beta1, beta2, rest1, rest2, rate, root_correction, eps;

  template <class T>
  explicit adamw_factors(adamw_args<T, context> const& a)
      : decay(static_cast<float>(1 - a.lr * a.weight_decay)),
        beta1(static_cast<float>(a.beta1)),
        beta2(static_cast<float>(a.beta2)),
        rest1(static_cast<float>(1 - a.beta1)),
        rest2(static_cast<float>(1 - a.beta2)),
        rate(static_cast<float>(a.lr / (1 - std::pow(a.beta1, static_cast<double>(a.step))))),
        root_correction(static_cast<float>(std::sqrt(1 - std::pow(a.beta2, static_cast<double>(a.step))))),
        eps(static_cast<float>(a.eps)) {}
};

template <class T>
struct adamw_map {
  float const* gradient;
  float *param, *m, *v;
  T* rounded;  // nullptr: not given
  adamw_factors with;

  template <int Width>
  __device__ void apply(index_t, index_t i) const {
    lanes<Width> const g = load<Width>(gradient + i);
    lanes<Width> p = load<Width>(param + i), first = load<Width>(m + i), second = load<Width>(v + i);
    for (int k = 0; k < Width; ++k) {
      first[k] = with.beta1 * first[k] + with.rest1 * g[k];
      second[k] = with.beta2 * second[k] + with.rest2 * g[k] * g[k];
      p[k] = p[k] * with.decay - with.rate * first[k] / (sqrtf(second[k]) / with.root_correction + with.eps);
    }
    store<Width>(m + i, first);
    store<Width>(v + i, second);
    store<Width>(param + i, p);
    if (rounded != nullptr) store<Width>(rounded + i, p);
  }
};

template <class T>
void launch_adamw_step(context const& c, tensor_view<float const, 1, context> gradient,
                       adamw_args<T, context> const& a) {
  adamw_map<T> const map{gradient.data_handle(), a.param.data_handle(),   a.m.data_handle(),
                         a.v.data_handle(),      a.rounded.data_handle(), adamw_factors(a)};
  launch_elementwise<float>(c, "adamw_step", gradient.size() == 0 ? 0 : 1, gradient.size(), map, row_matrix(gradient),
                            row_matrix(a.param), row_matrix(a.m), row_matrix(a.v), row_matrix(a.rounded));
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_ADAMW(T)                                                                             \
  template void scale::cuda::detail::launch_adamw_step<T>(scale::cuda::context const&,                              \
                                                          scale::tensor_view<float const, 1, scale::cuda::context>, \
                                                          scale::adamw_args<T, scale::cuda::context> const&);
