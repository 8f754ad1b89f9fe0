// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of convolution: rows of columns, what goes before and behind the product, groups, and gradients.

#include <scale/cuda/convolution.hpp>
#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/detail/volume.cuh>

namespace scale::cuda::detail {

/// A place of a volume, whatever the channel.
struct volume_place {
  index_t n, t, h, w;

  /// Number i of all places, w running fastest.
  __device__ volume_place(shape<5> const& s, index_t i)
      : n(i / s[4] / s[3] / s[2]), t(i / s[4] / s[3] % s[2]), h(i / s[4] % s[3]), w(i % s[4]) {}
};

__device__ inline float activated(float x, activation act) {
  if (act != activation::none && x < 0) x = 0;
  if (act == activation::relu6 && x > 6) x = 6;
  return x;
}

template <class T>
struct convolution_weights_map {
  T const* weight;  // [o, c, taps]
  index_t channels, taps;
  matrix<T> to;

  template <int Width>
  __device__ void apply(index_t o, index_t j) const {
    static_assert(Width == 1);
    to.row(o)[j] = j < taps * channels ? weight[(o * channels + j % channels) * taps + j / channels] : T(0.0f);
  }
};

template <class T>
void launch_convolution_weights(context const& c, char const* op, tensor_view<T const, 5, context> weight,
                                tensor_view<T, 2, context> to) {
  index_t const taps = weight.extent(2) * weight.extent(3) * weight.extent(4);
  convolution_weights_map<T> const map{weight.data_handle(), weight.extent(1), taps, to};
  launch_packs<1>(c, op, to.extent(0), to.extent(1), map);
}

template <class T>
struct convolution_columns_map {
  volume<T const> x;
  convolution_axes axes;
  shape<5> y;
  index_t first;
  matrix<T> columns;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    volume_place const out(y, first + i);
    index_t const tap = j / x.extents[1], channel = j % x.extents[1];
    index_t const kw = tap % axes.kernel[2], kh = tap / axes.kernel[2] % axes.kernel[1];
    index_t const kt = tap / axes.kernel[2] / axes.kernel[1];
    index_t const t = out.t * axes.stride[0] - axes.pad[0] + kt, h = out.h * axes.stride[1] - axes.pad[1] + kh;
    index_t const w = out.w * axes.stride[2] - axes.pad[2] + kw;
    bool const meets =
        kt < axes.kernel[0] && t >= 0 && t < x.extents[2] && h >= 0 && h < x.extents[3] && w >= 0 && w < x.extents[4];
    lanes<Width> v{};
    if (meets) v = load<Width>(x.channel(out.n, channel) + x.offset(t, h, w));
    store<Width>(columns.row(i) + j, v);
  }
};

template <class T>
void launch_convolution_columns(context const& c, char const* op, tensor_view<T const, 5, context> x,
                                convolution_axes const& axes, shape<5> const& y, index_t first,
                                tensor_view<T, 2, context> columns) {
  convolution_columns_map<T> const map{volume<T const>(x), axes, y, first, columns};
  if (channels_packed(map.x) && rows_aligned(map.columns))
    launch_packs<packed_width<T>>(c, op, columns.extent(0), columns.extent(1), map);
  else
    launch_packs<1>(c, op, columns.extent(0), columns.extent(1), map);
}

template <class T>
struct read_places_map {
  volume<T const> x;
  index_t first;
  matrix<T> rows;

  template <int Width>
  __device__ void apply(index_t i, index_t channel) const {
    volume_place const at(x.extents, first + i);
    store<Width>(rows.row(i) + channel, load<Width>(x.channel(at.n, channel) + x.offset(at.t, at.h, at.w)));
  }
};

template <class T>
struct write_places_map {
  matrix<T const> rows;
  activation act;
  volume<T> y;
  index_t first;

  template <int Width>
  __device__ void apply(index_t i, index_t channel) const {
    volume_place const at(y.extents, first + i);
    lanes<Width> v = load<Width>(rows.row(i) + channel);
    for (int k = 0; k < Width; ++k) v[k] = activated(v[k], act);
    store<Width>(y.channel(at.n, channel) + y.offset(at.t, at.h, at.w), v);
  }
};

/// Runs a map of places and channels, in packs where both sides allow it.
template <class T, class Map, class U, class V>
void launch_places(context const& c, char const* op, extent_pair const& e, Map const& map, volume<U> const& x,
                   matrix<V> const& rows) {
  if (channels_packed(x) && rows_aligned(rows))
    launch_packs<packed_width<T>>(c, op, e.rows, e.columns, map);
  else
    launch_packs<1>(c, op, e.rows, e.columns, map);
}

template <class T>
void launch_read_places(context const& c, char const* op, tensor_view<T const, 5, context> x, index_t first,
                        tensor_view<T, 2, context> rows) {
  read_places_map<T> const map{volume<T const>(x), first, rows};
  launch_places<T>(c, op, {rows.extent(0), rows.extent(1)}, map, map.x, map.rows);
}

template <class T>
void launch_write_places(context const& c, char const* op, tensor_view<T const, 2, context> rows, activation act,
                         tensor_view<T, 5, context> y, index_t first) {
  write_places_map<T> const map{rows, act, volume<T>(y), first};
  launch_places<T>(c, op, {rows.extent(0), rows.extent(1)}, map, map.y, map.rows);
}

template <class T>
struct grouped_convolution_map {
  volume<T const> x;
  T const *weight, *bias;  // weight as the contract has it
  convolution_axes axes;
  index_t group_inputs, group_outputs;
  volume<T const> residual;
  activation act;
  volume<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t o) const {
    static_assert(Width == 1);
    volume_place const out(y.extents, i);
    index_t const taps = axes.kernel[0] * axes.kernel[1] * axes.kernel[2];
    T const* const own = weight + o * group_inputs * taps;
    T const* const from = x.channel(out.n, o / group_outputs * group_inputs);
    float sum = bias != nullptr ? static_cast<float>(bias[o]) : 0.0f;
    for (index_t kt = 0; kt < axes.kernel[0]; ++kt)
      for (index_t kh = 0; kh < axes.kernel[1]; ++kh)
        for (index_t kw = 0; kw < axes.kernel[2]; ++kw) {
          index_t const t = out.t * axes.stride[0] - axes.pad[0] + kt, h = out.h * axes.stride[1] - axes.pad[1] + kh;
          index_t const w = out.w * axes.stride[2] - axes.pad[2] + kw;
          if (t < 0 || t >= x.extents[2] || h < 0 || h >= x.extents[3] || w < 0 || w >= x.extents[4]) continue;
          index_t const tap = (kt * axes.kernel[1] + kh) * axes.kernel[2] + kw;
          T const* const at = from + x.offset(t, h, w);
          for (index_t k = 0; k < group_inputs; ++k)
            sum += static_cast<float>(at[k * x.strides[1]]) * static_cast<float>(own[k * taps + tap]);
        }
    if (residual.data != nullptr)
      sum += static_cast<float>(residual.channel(out.n, o)[residual.offset(out.t, out.h, out.w)]);
    y.channel(out.n, o)[y.offset(out.t, out.h, out.w)] = T(activated(sum, act));
  }
};

template <class T>
void launch_grouped_convolution(context const& c, char const* op, tensor_view<T const, 5, context> x,
                                tensor_view<T const, 5, context> weight, convolution_axes const& axes, index_t groups,
                                tensor_view<T const, 1, context> bias, tensor_view<T const, 5, context> residual,
                                activation act, tensor_view<T, 5, context> y) {
  if (y.size() == 0) return;
  grouped_convolution_map<T> const map{volume<T const>(x), weight.data_handle(),      bias.data_handle(),        axes,
                                       weight.extent(1),   weight.extent(0) / groups, volume<T const>(residual), act,
                                       volume<T>(y)};
  launch_packs<1>(c, op, y.size() / y.extent(1), y.extent(1), map);
}

template <class T>
struct convolution_input_gradient_map {
  volume<T const> dy;
  T const* weight;
  convolution_axes axes;
  index_t group_inputs, group_outputs;
  volume<T> dx;

  /// The output along `axis` that meets input `place` with tap `tap`; -1: none.
  __device__ index_t output_of(int axis, index_t place, index_t tap) const {
    index_t const at = place + axes.pad[axis] - tap;
    if (at < 0 || at % axes.stride[axis] != 0) return -1;
    return at / axes.stride[axis] < dy.extents[axis + 2] ? at / axes.stride[axis] : -1;
  }

  template <int Width>
  __device__ void apply(index_t i, index_t channel) const {
    static_assert(Width == 1);
    volume_place const in(dx.extents, i);
    index_t const taps = axes.kernel[0] * axes.kernel[1] * axes.kernel[2];
    index_t const group = channel / group_inputs;
    float sum = 0;
    for (index_t kt = 0; kt < axes.kernel[0]; ++kt)
      for (index_t kh = 0; kh < axes.kernel[1]; ++kh)
        for (index_t kw = 0; kw < axes.kernel[2]; ++kw) {
          index_t const t = output_of(0, in.t, kt), h = output_of(1, in.h, kh), w = output_of(2, in.w, kw);
          if (t < 0 || h < 0 || w < 0) continue;
          index_t const tap = (kt * axes.kernel[1] + kh) * axes.kernel[2] + kw, offset = dy.offset(t, h, w);
          for (index_t o = group * group_outputs; o < (group + 1) * group_outputs; ++o)
            sum += static_cast<float>(dy.channel(in.n, o)[offset]) *
                   static_cast<float>(weight[(o * group_inputs + channel % group_inputs) * taps + tap]);
        }
    dx.channel(in.n, channel)[dx.offset(in.t, in.h, in.w)] = T(sum);
  }
};

template <class T>
void launch_convolution_input_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                       tensor_view<T const, 5, context> weight, convolution_axes const& axes,
                                       index_t groups, tensor_view<T, 5, context> dx) {
  if (dx.size() == 0) return;
  convolution_input_gradient_map<T> const map{volume<T const>(dy), weight.data_handle(),      axes,
                                              weight.extent(1),    weight.extent(0) / groups, volume<T>(dx)};
  launch_packs<1>(c, "convolution_backward", dx.size() / dx.extent(1), dx.extent(1), map);
}

/// Rows are outputs, columns the numbers of a weight.
template <class T>
struct convolution_weight_gradient_map {
  volume<T const> dy, x;
  convolution_axes axes;
  index_t group_inputs, group_outputs;
  float* dweight;

  template <int Width>
  __device__ void apply(index_t o, index_t j) const {
    static_assert(Width == 1);
    index_t const taps = axes.kernel[0] * axes.kernel[1] * axes.kernel[2], tap = j % taps;
    index_t const kw = tap % axes.kernel[2], kh = tap / axes.kernel[2] % axes.kernel[1];
    index_t const kt = tap / axes.kernel[2] / axes.kernel[1];
    index_t const channel = o / group_outputs * group_inputs + j / taps;
    float sum = 0;
    for (index_t i = 0; i < dy.extents[0] * dy.places(); ++i) {
      volume_place const out(dy.extents, i);
      index_t const t = out.t * axes.stride[0] - axes.pad[0] + kt, h = out.h * axes.stride[1] - axes.pad[1] + kh;
      index_t const w = out.w * axes.stride[2] - axes.pad[2] + kw;
      if (t < 0 || t >= x.extents[2] || h < 0 || h >= x.extents[3] || w < 0 || w >= x.extents[4]) continue;
      sum += static_cast<float>(dy.channel(out.n, o)[dy.offset(out.t, out.h, out.w)]) *
             static_cast<float>(x.channel(out.n, channel)[x.offset(t, h, w)]);
    }
    dweight[o * group_inputs * taps + j] += sum;
  }
};

template <class T>
void launch_convolution_weight_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                        tensor_view<T const, 5, context> x, convolution_axes const& axes,
                                        index_t groups, tensor_view<float, 5, context> dweight) {
  if (dweight.size() == 0) return;
  convolution_weight_gradient_map<T> const map{volume<T const>(dy), volume<T const>(x),         axes,
                                               dweight.extent(1),   dweight.extent(0) / groups, dweight.data_handle()};
  launch_packs<1>(c, "convolution_backward", dweight.extent(0), dweight.size() / dweight.extent(0), map);
}

template <class T>
SCALE_KERNEL convolution_bias_gradient_kernel(volume<T const> dy, float* dbias) {
  index_t const o = warp_row();
  if (o >= dy.extents[1]) return;  // the whole warp
  float sum = 0;
  for (index_t i = lane_number(); i < dy.extents[0] * dy.places(); i += warp_size)
    sum += static_cast<float>(dy.channel(i / dy.places(), o)[dy.offset(i % dy.places())]);
  sum = warp_sum(sum);
  if (lane_number() == 0) dbias[o] += sum;
}

template <class T>
void launch_convolution_bias_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                      tensor_view<float, 1, context> dbias) {
  launch_rows(c, "convolution_backward", dy.extent(1), convolution_bias_gradient_kernel<T>, volume<T const>(dy),
              dbias.data_handle());
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_CONVOLUTION(T)                                                                         \
  template void scale::cuda::detail::launch_convolution_weights<T>(                                                   \
      scale::cuda::context const&, char const*, scale::tensor_view<T const, 5, scale::cuda::context>,                 \
      scale::tensor_view<T, 2, scale::cuda::context>);                                                                \
  template void scale::cuda::detail::launch_convolution_columns<T>(                                                   \
      scale::cuda::context const&, char const*, scale::tensor_view<T const, 5, scale::cuda::context>,                 \
      scale::cuda::detail::convolution_axes const&, scale::shape<5> const&, scale::index_t,                           \
      scale::tensor_view<T, 2, scale::cuda::context>);                                                                \
  template void scale::cuda::detail::launch_read_places<T>(                                                           \
      scale::cuda::context const&, char const*, scale::tensor_view<T const, 5, scale::cuda::context>, scale::index_t, \
      scale::tensor_view<T, 2, scale::cuda::context>);                                                                \
  template void scale::cuda::detail::launch_write_places<T>(                                                          \
      scale::cuda::context const&, char const*, scale::tensor_view<T const, 2, scale::cuda::context>,                 \
      scale::activation, scale::tensor_view<T, 5, scale::cuda::context>, scale::index_t);                             \
  template void scale::cuda::detail::launch_grouped_convolution<T>(                                                   \
      scale::cuda::context const&, char const*, scale::tensor_view<T const, 5, scale::cuda::context>,                 \
      scale::tensor_view<T const, 5, scale::cuda::context>, scale::cuda::detail::convolution_axes const&,             \
      scale::index_t, scale::tensor_view<T const, 1, scale::cuda::context>,                                           \
      scale::tensor_view<T const, 5, scale::cuda::context>, scale::activation,                                        \
      scale::tensor_view<T, 5, scale::cuda::context>);                                                                \
  template void scale::cuda::detail::launch_convolution_input_gradient<T>(                                            \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>,                              \
      scale::tensor_view<T const, 5, scale::cuda::context>, scale::cuda::detail::convolution_axes const&,             \
      scale::index_t, scale::tensor_view<T, 5, scale::cuda::context>);                                                \
  template void scale::cuda::detail::launch_convolution_weight_gradient<T>(                                           \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>,                              \
      scale::tensor_view<T const, 5, scale::cuda::context>, scale::cuda::detail::convolution_axes const&,             \
      scale::index_t, scale::tensor_view<float, 5, scale::cuda::context>);                                            \
  template void scale::cuda::detail::launch_convolution_bias_gradient<T>(                                             \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>,                              \
      scale::tensor_view<float, 1, scale::cuda::context>);
