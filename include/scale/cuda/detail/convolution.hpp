// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution on the device, what convolution_forward and frozen_convolution share: the input that each output looks at
// becomes a row, some rows at a time, and cuBLASLt multiplies them by the weights; bias and residual are added before
// the one rounding to T. With groups, which have little to multiply, a kernel sums up output by output.

#include <scale/core/tensor.hpp>
#include <scale/cuda/context.hpp>
#include <scale/cuda/detail/product.hpp>
#include <scale/ops/activation.hpp>

#include <algorithm>
#include <cstddef>

namespace scale::cuda::detail {

struct convolution_tuning {
  static constexpr std::size_t column_bytes = std::size_t{32} << 20;  // held at once
};

/// One per axis: t, h, w.
struct convolution_axes {
  index_t kernel[3], stride[3], pad[3];

  bool is_pointwise() const {
    for (int i = 0; i < 3; ++i)
      if (kernel[i] != 1 || stride[i] != 1 || pad[i] != 0) return false;
    return true;
  }
};

/// As rank 5, with one frame where there is no time.
template <class T, int Rank>
tensor_view<T, 5, context> as_volume(tensor_view<T, Rank, context> const& x) {
  if constexpr (Rank == 5)
    return x;
  else
    return {x.data_handle(), shape<5>{x.extent(0), x.extent(1), 1, x.extent(2), x.extent(3)},
            shape<5>{x.stride(0), x.stride(1), 0, x.stride(2), x.stride(3)}};
}

/// Of a weight, and of arguments with stride and pad_begin.
template <int Rank, class Args>
convolution_axes axes_of(shape<Rank> const& weight, Args const& a) {
  convolution_axes axes{{1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
  for (int axis = 2; axis < Rank; ++axis) {
    int const i = axis - 2 + (5 - Rank);
    axes.kernel[i] = weight[axis], axes.stride[i] = a.stride[axis - 2], axes.pad[i] = a.pad_begin[axis - 2];
  }
  return axes;
}

/// [n t h w, c] where channels are neighbours and all places lie at one distance from the next; else without data.
template <class T>
tensor_view<T, 2, context> places_as_rows(tensor_view<T, 5, context> const& x) {
  index_t const channels = x.extent(1);
  index_t places = 1, step = 0;
  bool even = x.stride(1) == 1 || channels == 1;
  for (int const axis : {4, 3, 2, 0}) {
    if (x.extent(axis) == 1) continue;
    if (step == 0) step = x.stride(axis);
    even = even && x.stride(axis) == step * places;
    places *= x.extent(axis);
  }
  if (!even) return {};
  return {x.data_handle(), shape{places, channels}, shape{step == 0 ? channels : step, index_t{1}}};
}

/// Length of a row of columns: taps times channels, and zeros up to what cuBLASLt multiplies well.
inline index_t column_count(convolution_axes const& axes, index_t channels) {
  constexpr index_t multiple = 8;
  index_t const taps = axes.kernel[0] * axes.kernel[1] * axes.kernel[2];
  return taps == 1 ? channels : (taps * channels + multiple - 1) / multiple * multiple;
}

/// to [o, column_count]: weight [o, c, kernel...], channels fastest.
template <class T>
SCALE_HIDDEN void launch_convolution_weights(context const& c, char const* op, tensor_view<T const, 5, context> weight,
                                             tensor_view<T, 2, context> to);

/// columns [count, column_count]: what outputs first, first + 1, ... of y look at, channels fastest.
template <class T>
SCALE_HIDDEN void launch_convolution_columns(context const& c, char const* op, tensor_view<T const, 5, context> x,
                                             convolution_axes const& axes, shape<5> const& y, index_t first,
                                             tensor_view<T, 2, context> columns);

/// rows [count, c] = places first, first + 1, ... of x.
template <class T>
SCALE_HIDDEN void launch_read_places(context const& c, char const* op, tensor_view<T const, 5, context> x,
                                     index_t first, tensor_view<T, 2, context> rows);

/// Places first, first + 1, ... of y = act(rows); rows may be those places.
template <class T>
SCALE_HIDDEN void launch_write_places(context const& c, char const* op, tensor_view<T const, 2, context> rows,
                                      activation act, tensor_view<T, 5, context> y, index_t first);

/// All of convolution_forward, for a weight as the contract has it.
template <class T>
SCALE_HIDDEN void launch_grouped_convolution(context const& c, char const* op, tensor_view<T const, 5, context> x,
                                             tensor_view<T const, 5, context> weight, convolution_axes const& axes,
                                             index_t groups, tensor_view<T const, 1, context> bias,
                                             tensor_view<T const, 5, context> residual, activation act,
                                             tensor_view<T, 5, context> y);

/// y = act(x * weight + bias + residual) without groups; weight from launch_convolution_weights.
template <device_float T>
void convolve(context const& c, char const* op, tensor_view<T const, 5, context> x,
              tensor_view<T const, 2, context> weight, convolution_axes const& axes,
              tensor_view<T const, 1, context> bias, tensor_view<T const, 5, context> residual, activation act,
              tensor_view<T, 5, context> y) {
  if (y.size() == 0) return;
  index_t const outputs = weight.extent(0), width = weight.extent(1), places = y.size() / outputs;
  auto const x_rows = axes.is_pointwise() ? places_as_rows(x) : tensor_view<T const, 2, context>{};
  auto const y_rows = places_as_rows(y);
  bool const whole = x_rows.has_data() && y_rows.has_data();
  auto const at_once = static_cast<index_t>(convolution_tuning::column_bytes / sizeof(T)) / width;
  index_t const step = whole ? places : (std::max)(index_t{1}, (std::min)(places, at_once));
  tensor<T, 2, context> columns(c, shape{x_rows.has_data() ? 0 : step, width});
  tensor<T, 2, context> sums(c, shape{y_rows.has_data() ? 0 : step, outputs});
  for (index_t first = 0; first < places; first += step) {
    index_t const count = (std::min)(step, places - first);
    auto const from =
        x_rows.has_data() ? x_rows.rows(first, count) : tensor_view<T const, 2, context>(columns.view().rows(0, count));
    auto const to = y_rows.has_data() ? y_rows.rows(first, count) : sums.view().rows(0, count);
    if (!x_rows.has_data())
      launch_convolution_columns(c, op, x, axes, y.extents(), first, columns.view().rows(0, count));
    bool const lies_there = y_rows.has_data() && residual.data_handle() == y.data_handle();
    if (residual.has_data() && !lies_there) launch_read_places(c, op, residual, first, to);
    multiply<T>(c, op, product_matrix::of(from), product_matrix::of(weight, true), to,
                residual.has_data() ? write_mode::accumulate : write_mode::assign, bias);
    if (!y_rows.has_data() || act != activation::none)
      launch_write_places(c, op, tensor_view<T const, 2, context>(to), act, y, first);
  }
}

}  // namespace scale::cuda::detail
