// SPDX-License-Identifier: Apache-2.0
#pragma once
// Batch normalisation on the CPU: channels over the threads; vectors over places, or over channels where a place is all
// there is. Sums over the batch are kept in double.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/batch_norm.hpp>

#include <algorithm>
#include <cmath>

namespace scale::cpu {

namespace detail {

inline constexpr index_t norm_channels = 32;  // handled together

/// sums[k] = sum of term(k, offset) over samples and places of channels [first, first + count) of [n, c, s].
template <class Term>
SCALE_ALWAYS_INLINE void channel_sums(shape<3> const& x, index_t first, index_t count, double* sums, Term const& term) {
  index_t const n = x[0], c = x[1], s = x[2];
  for (index_t k = 0; k < norm_channels; ++k) sums[k] = 0;
  if (s == 1) {
    for (index_t i = 0; i < n; ++i) {
      index_t const offset = i * c + first;
#pragma omp simd
      for (index_t k = 0; k < count; ++k) sums[k] += static_cast<double>(term(k, offset + k));
    }
    return;
  }
  for (index_t i = 0; i < n; ++i)
    for (index_t k = 0; k < count; ++k) {
      index_t const offset = (i * c + first + k) * s;
      sums[k] += static_cast<double>(lane_sum<float>(s, [&, offset, k](index_t j) { return term(k, offset + j); }));
    }
}

/// f(k, offset) for every element of channels [first, first + count).
template <class F>
SCALE_ALWAYS_INLINE void for_each_of_channels(shape<3> const& x, index_t first, index_t count, F const& f) {
  index_t const n = x[0], c = x[1], s = x[2];
  for (index_t i = 0; i < n; ++i) {
    if (s == 1) {
      index_t const offset = i * c + first;
#pragma omp simd
      for (index_t k = 0; k < count; ++k) f(k, offset + k);
    } else {
      for (index_t k = 0; k < count; ++k) {
        index_t const offset = (i * c + first + k) * s;
#pragma omp simd
        for (index_t j = 0; j < s; ++j) f(k, offset + j);
      }
    }
  }
}

/// f(first, count) for groups of channels, over the threads.
template <class F>
void for_each_channel_group(context const& c, index_t channels, F const& f) {
  index_t const groups = (channels + norm_channels - 1) / norm_channels;
  parallel_for(c, groups, 1, [&](index_t begin, index_t end) {
    simd_dispatch([&] {
      for (index_t group = begin; group < end; ++group)
        f(group * norm_channels, (std::min)(norm_channels, channels - group * norm_channels));
    });
  });
}

}  // namespace detail

template <cpu_element T>
void batch_norm_forward(context const& c, tensor_view<T const, 3, context> x,
                        batch_norm_forward_args<T, context> const& a) {
  using S = stat_t<T>;
  index_t const values = x.extent(0) * x.extent(2);
  T const* const in = x.data_handle();
  T* const out = a.y.data_handle();
  detail::for_each_channel_group(c, x.extent(1), [&](index_t first, index_t count) {
    S mean[detail::norm_channels] = {}, factor[detail::norm_channels] = {}, shift[detail::norm_channels] = {};
    double variance[detail::norm_channels] = {};
    if (a.mode == batch_norm_mode::inference) {
      for (index_t k = 0; k < count; ++k) {
        mean[k] = a.running_mean(first + k);
        variance[k] = static_cast<double>(a.running_var(first + k));
      }
    } else if (values != 0) {
      double sums[detail::norm_channels];
      detail::channel_sums(x.extents(), first, count, sums, [=](index_t, index_t at) { return S(in[at]); });
      for (index_t k = 0; k < count; ++k) mean[k] = static_cast<S>(sums[k] / static_cast<double>(values));
      S const* const centre = mean;
      detail::channel_sums(x.extents(), first, count, variance,
                           [=](index_t k, index_t at) { return (S(in[at]) - centre[k]) * (S(in[at]) - centre[k]); });
      for (index_t k = 0; k < count; ++k) {
        if (a.running_mean.has_data())
          a.running_mean(first + k) = static_cast<S>((1 - a.momentum) * static_cast<double>(a.running_mean(first + k)) +
                                                     a.momentum * static_cast<double>(mean[k]));
        if (a.running_var.has_data())
          a.running_var(first + k) = static_cast<S>((1 - a.momentum) * static_cast<double>(a.running_var(first + k)) +
                                                    a.momentum * variance[k] / static_cast<double>(values - 1));
        variance[k] /= static_cast<double>(values);
      }
    }
    for (index_t k = 0; k < count; ++k) {
      S const rstd = static_cast<S>(1 / std::sqrt(variance[k] + a.eps));
      a.mean(first + k) = mean[k];
      a.rstd(first + k) = rstd;
      factor[k] = a.gamma.has_data() ? rstd * S(a.gamma(first + k)) : rstd;
      shift[k] = a.beta.has_data() ? S(a.beta(first + k)) : S(0);
    }
    S const *const centre = mean, *const scale = factor, *const offset = shift;
    detail::for_each_of_channels(x.extents(), first, count, [=](index_t k, index_t at) {
      detail::round_to(out[at], (S(in[at]) - centre[k]) * scale[k] + offset[k]);
    });
  });
}

template <cpu_element T>
void batch_norm_backward(context const& c, tensor_view<T const, 3, context> x,
                         batch_norm_backward_args<T, context> const& a) {
  using S = stat_t<T>;
  index_t const values = x.extent(0) * x.extent(2);
  T const *const in = x.data_handle(), *const dy = a.dy.data_handle();
  T* const dx = a.dx.data_handle();
  bool const training = a.mode == batch_norm_mode::training && values != 0;
  detail::for_each_channel_group(c, x.extent(1), [&](index_t first, index_t count) {
    S const *const centre = a.mean.data_handle() + first, *const rstd = a.rstd.data_handle() + first;
    double sums[detail::norm_channels], dots[detail::norm_channels];  // of dy and of dy * xhat
    detail::channel_sums(x.extents(), first, count, sums, [=](index_t, index_t at) { return S(dy[at]); });
    detail::channel_sums(x.extents(), first, count, dots,
                         [=](index_t k, index_t at) { return S(dy[at]) * ((S(in[at]) - centre[k]) * rstd[k]); });
    S factor[detail::norm_channels] = {}, mean_sum[detail::norm_channels] = {}, mean_dot[detail::norm_channels] = {};
    for (index_t k = 0; k < count; ++k) {
      if (a.dgamma.has_data()) a.dgamma(first + k) += static_cast<S>(dots[k]);
      if (a.dbeta.has_data()) a.dbeta(first + k) += static_cast<S>(sums[k]);
      factor[k] = a.gamma.has_data() ? rstd[k] * S(a.gamma(first + k)) : rstd[k];
      mean_sum[k] = training ? static_cast<S>(sums[k] / static_cast<double>(values)) : S(0);
      mean_dot[k] = training ? static_cast<S>(dots[k] / static_cast<double>(values)) : S(0);
    }
    if (dx == nullptr) return;
    S const *const scale = factor, *const sum = mean_sum, *const dot = mean_dot;
    detail::for_each_of_channels(x.extents(), first, count, [=](index_t k, index_t at) {
      detail::round_to(dx[at], scale[k] * (S(dy[at]) - sum[k] - (S(in[at]) - centre[k]) * rstd[k] * dot[k]));
    });
  });
}

}  // namespace scale::cpu
