// SPDX-License-Identifier: Apache-2.0
#pragma once
// Means over the places of images and clips on the device: an item per sample and channel.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/mean_pool.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source mean_pool_program{"mean_pool", {R"CL(
// A tensor [n, c, t, h, w] of any strides.
#define POOLED(T, x)                                                                                           \
  ARRAY(T, x), long n, long c, long t, long h, long w, long n_step, long c_step, long t_step, long h_step, long w_step

#define SAMPLE_AND_CHANNEL(i, channel)                                    \
  long const i = get_global_id(0) / c, channel = get_global_id(0) % c; \
  if (i >= n) return

#define FOR_PLACES(offset)                \
  for (long z = 0; z < t; ++z)            \
    for (long y_ = 0; y_ < h; ++y_)       \
      for (long x_ = 0, offset = z * t_step + y_ * h_step; x_ < w; ++x_, offset += w_step)

kernel void mean_pool_forward(POOLED(float const, x), MATRIX(float, y)) {
  SAMPLE_AND_CHANNEL(i, channel);
  global float const* const from = DATA(x) + i * n_step + channel * c_step;
  float sum = 0;
  FOR_PLACES(offset) sum += from[offset];
  ROW(y, i)[channel] = sum / (t * h * w);
}

kernel void mean_pool_backward(POOLED(float, dx), MATRIX(float const, dy)) {
  SAMPLE_AND_CHANNEL(i, channel);
  global float* const to = DATA(dx) + i * n_step + channel * c_step;
  float const slope = ROW(dy, i)[channel] / (t * h * w);
  FOR_PLACES(offset) to[offset] = slope;
}
)CL"}};

/// As the parameter POOLED of a kernel.
template <class T>
struct pooled {
  tensor_view<T, 5, context> x;

  void pass_to(argument_setter& set) const {
    set(x.data_handle());
    for (int axis = 0; axis < 5; ++axis) set(x.extent(axis));
    for (int axis = 0; axis < 5; ++axis) set(x.stride(axis));
  }
};

template <class T>
pooled<T> with_time(tensor_view<T, 4, context> const& x) {
  return {{x.data_handle(), shape{x.extent(0), x.extent(1), index_t{1}, x.extent(2), x.extent(3)},
           shape{x.stride(0), x.stride(1), index_t{0}, x.stride(2), x.stride(3)}}};
}

template <class T>
pooled<T> with_time(tensor_view<T, 5, context> const& x) {
  return {x};
}

}  // namespace detail

template <opencl_float T, int Rank>
void mean_pool_forward(context const& c, tensor_view<T const, Rank, context> x,
                       mean_pool_forward_args<T, context> const& a) {
  detail::launch(c, "mean_pool_forward", detail::mean_pool_program, "mean_pool_forward",
                 detail::items(x.extent(0) * x.extent(1)), detail::with_time(x), detail::matrix(a.y));
}

template <opencl_float T>
void mean_pool_backward(context const& c, tensor_view<T const, 2, context> dy,
                        mean_pool_backward_args<T, context> const& a) {
  detail::launch(c, "mean_pool_backward", detail::mean_pool_program, "mean_pool_backward",
                 detail::items(dy.extent(0) * dy.extent(1)), detail::with_time(a.dx), detail::matrix(dy));
}

}  // namespace scale::opencl
