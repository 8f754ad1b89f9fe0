// SPDX-License-Identifier: Apache-2.0
#pragma once
// Batch normalisation on the device: a group reduces a channel over samples and places.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/batch_norm.hpp>

namespace scale::opencl {

namespace detail {

/// Tensors [n, channels, s] are contiguous; element-wise kernels see them as matrices [n, channels * s].
inline constexpr program_source batch_norm_program{"batch_norm", {group_reductions, R"CL(
#define TENSOR long n, long channels, long s

// Value k of a channel, 0 to n * s - 1.
#define CHANNEL_VALUE(x, channel, k) DATA(x)[((k) / s * channels + (channel)) * s + (k) % s]

kernel void batch_norm_statistics(TENSOR, ARRAY(float const, x), ARRAY(float, running_mean), ARRAY(float, running_var),
                                  ARRAY(float, means), ARRAY(float, rstds), int training, float eps, float momentum,
                                  local float* shared) {
  long const channel = get_group_id(0), count = training ? n * s : 0;
  float sum = 0, squares = 0;
  FOR_ROW(k, count) sum += CHANNEL_VALUE(x, channel, k);
  float mean = group_sum(sum, shared) / max(count, 1L);
  FOR_ROW(k, count) {
    float const d = CHANNEL_VALUE(x, channel, k) - mean;
    squares += d * d;
  }
  squares = group_sum(squares, shared);
  float variance = squares / max(count, 1L);
  if (get_local_id(0) != 0) return;
  if (!training) {
    mean = DATA(running_mean)[channel];
    variance = DATA(running_var)[channel];
  } else if (count != 0) {
    if (GIVEN(running_mean))
      DATA(running_mean)[channel] = (1 - momentum) * DATA(running_mean)[channel] + momentum * mean;
    if (GIVEN(running_var))
      DATA(running_var)[channel] = (1 - momentum) * DATA(running_var)[channel] + momentum * (squares / (count - 1));
  }
  DATA(means)[channel] = mean;
  DATA(rstds)[channel] = 1 / sqrt(variance + eps);
}

kernel void batch_norm_values(TENSOR, ARRAY(float const, x), ARRAY(float const, gamma), ARRAY(float const, beta),
                              ARRAY(float const, means), ARRAY(float const, rstds), ARRAY(float, y)) {
  FOR_ELEMENTS(i, j, channels * s) {
    long const channel = j / s, at = i * channels * s + j;
    float const xhat = (DATA(x)[at] - DATA(means)[channel]) * DATA(rstds)[channel];
    DATA(y)[at] =
        xhat * (GIVEN(gamma) ? DATA(gamma)[channel] : 1.0f) + (GIVEN(beta) ? DATA(beta)[channel] : 0.0f);
  }
}

// sums and dots [channels] = of dy and of dy * xhat; added to dbeta and dgamma where given.
kernel void batch_norm_sums(TENSOR, ARRAY(float const, x), ARRAY(float const, dy), ARRAY(float const, means),
                            ARRAY(float const, rstds), ARRAY(float, sums), ARRAY(float, dots), ARRAY(float, dgamma),
                            ARRAY(float, dbeta), local float* shared) {
  long const channel = get_group_id(0), count = n * s;
  float const mean = DATA(means)[channel], rstd = DATA(rstds)[channel];
  float sum = 0, dot = 0;
  FOR_ROW(k, count) {
    float const slope = CHANNEL_VALUE(dy, channel, k);
    sum += slope;
    dot += slope * ((CHANNEL_VALUE(x, channel, k) - mean) * rstd);
  }
  sum = group_sum(sum, shared);
  dot = group_sum(dot, shared);
  if (get_local_id(0) != 0) return;
  DATA(sums)[channel] = sum;
  DATA(dots)[channel] = dot;
  if (GIVEN(dgamma)) DATA(dgamma)[channel] += dot;
  if (GIVEN(dbeta)) DATA(dbeta)[channel] += sum;
}

// share = 1 / (n s) in training; at inference 0: mean and rstd are constants.
kernel void batch_norm_gradient(TENSOR, ARRAY(float const, x), ARRAY(float const, dy), ARRAY(float const, gamma),
                                ARRAY(float const, means), ARRAY(float const, rstds), ARRAY(float const, sums),
                                ARRAY(float const, dots), float share, ARRAY(float, dx)) {
  FOR_ELEMENTS(i, j, channels * s) {
    long const channel = j / s, at = i * channels * s + j;
    float const rstd = DATA(rstds)[channel], xhat = (DATA(x)[at] - DATA(means)[channel]) * rstd;
    float const slope = DATA(dy)[at] - DATA(sums)[channel] * share - xhat * (DATA(dots)[channel] * share);
    DATA(dx)[at] = rstd * (GIVEN(gamma) ? DATA(gamma)[channel] : 1.0f) * slope;
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void batch_norm_forward(context const& c, tensor_view<T const, 3, context> x,
                        batch_norm_forward_args<T, context> const& a) {
  constexpr auto op = "batch_norm_forward";
  auto const& program = detail::batch_norm_program;
  index_t const n = x.extent(0), channels = x.extent(1), s = x.extent(2);
  detail::launch(c, op, program, "batch_norm_statistics", detail::rows(channels), n, channels, s, x.data_handle(),
                 a.running_mean.data_handle(), a.running_var.data_handle(), a.mean.data_handle(), a.rstd.data_handle(),
                 a.mode == batch_norm_mode::training ? 1 : 0, static_cast<float>(a.eps), static_cast<float>(a.momentum),
                 detail::group_floats);
  detail::launch(c, op, program, "batch_norm_values", detail::elements(n, channels * s), n, channels, s,
                 x.data_handle(), a.gamma.data_handle(), a.beta.data_handle(), a.mean.data_handle(),
                 a.rstd.data_handle(), a.y.data_handle());
}

template <opencl_float T>
void batch_norm_backward(context const& c, tensor_view<T const, 3, context> x,
                         batch_norm_backward_args<T, context> const& a) {
  constexpr auto op = "batch_norm_backward";
  auto const& program = detail::batch_norm_program;
  index_t const n = x.extent(0), channels = x.extent(1), s = x.extent(2);
  tensor<T, 1, context> sums(c, shape{channels}), dots(c, shape{channels});
  detail::launch(c, op, program, "batch_norm_sums", detail::rows(channels), n, channels, s, x.data_handle(),
                 a.dy.data_handle(), a.mean.data_handle(), a.rstd.data_handle(), sums.data_handle(), dots.data_handle(),
                 a.dgamma.data_handle(), a.dbeta.data_handle(), detail::group_floats);
  if (!a.dx.has_data()) return;
  float const share = a.mode == batch_norm_mode::training ? 1.0f / static_cast<float>(n * s) : 0.0f;
  detail::launch(c, op, program, "batch_norm_gradient", detail::elements(n, channels * s), n, channels, s,
                 x.data_handle(), a.dy.data_handle(), a.gamma.data_handle(), a.mean.data_handle(), a.rstd.data_handle(),
                 sums.data_handle(), dots.data_handle(), share, a.dx.data_handle());
}

}  // namespace scale::opencl
