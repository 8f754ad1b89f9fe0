// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of max pooling. Forward: a thread per output, or per pack of channels where they are neighbours. Backward: a
// thread per channel adds up in the order of the outputs, since several may have had the same maximum.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/volume.cuh>
#include <scale/cuda/fill.hpp>
#include <scale/cuda/max_pool.hpp>

#include <cstdint>

namespace scale::cuda::detail {

struct max_pool_tuning {
  static constexpr int block = 128;  // threads of the backward
};

/// The places along an axis that an output looks at: [begin, end).
struct pool_window {
  index_t begin, end;

  __device__ pool_window(index_t out, index_t kernel, index_t stride, index_t pad, index_t in) {
    index_t const origin = out * stride - pad;
    begin = origin < 0 ? 0 : origin;
    end = origin + kernel < in ? origin + kernel : in;
  }
};

template <class T>
struct max_pool_map {
  volume<T const> x;
  volume<T> y;
  volume<std::int32_t> argmax;
  index_t kernel[3], stride[3], pad[3];
  bool by_channels;  // rows are places and columns channels; else columns are those of y

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    index_t const last = by_channels ? i % y.extents[4] : j, plane = by_channels ? i / y.extents[4] : i;
    index_t const h = plane % y.extents[3], t = plane / y.extents[3] % y.extents[2];
    index_t const outer = plane / y.extents[3] / y.extents[2];
    index_t const channel = by_channels ? j : outer % y.extents[1], n = by_channels ? outer : outer / y.extents[1];
    pool_window const over_t(t, kernel[0], stride[0], pad[0], x.extents[2]);
    pool_window const over_h(h, kernel[1], stride[1], pad[1], x.extents[3]);
    pool_window const over_w(last, kernel[2], stride[2], pad[2], x.extents[4]);
    T const* const from = x.channel(n, channel);
    lanes<Width> best = load<Width>(from + x.offset(over_t.begin, over_h.begin, over_w.begin));
    index_t where[static_cast<std::size_t>(Width)];
    for (index_t& place : where) place = x.place(over_t.begin, over_h.begin, over_w.begin);
    for (index_t it = over_t.begin; it < over_t.end; ++it)
      for (index_t ih = over_h.begin; ih < over_h.end; ++ih)
        for (index_t iw = over_w.begin; iw < over_w.end; ++iw) {
          lanes<Width> const v = load<Width>(from + x.offset(it, ih, iw));
          for (int k = 0; k < Width; ++k)
            if (v[k] > best[k] || (isnan(v[k]) && !isnan(best[k]))) {
              best[k] = v[k];
              where[k] = x.place(it, ih, iw);
            }
        }
    store<Width>(y.channel(n, channel) + y.offset(t, h, last), best);
    if (argmax.data == nullptr) return;
    for (int k = 0; k < Width; ++k)
      argmax.channel(n, channel + k)[argmax.offset(t, h, last)] = static_cast<std::int32_t>(where[k]);
  }
};

template <class T>
void launch_max_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                             max_pool_forward_args<T, context> const& a) {
  constexpr auto op = "max_pool_forward";
  max_pool_map<T> map{volume<T const>(x), volume<T>(a.y), volume<std::int32_t>(a.argmax), {}, {}, {}, false};
  for (int i = 0; i < 3; ++i) map.kernel[i] = a.kernel[i], map.stride[i] = a.stride[i], map.pad[i] = a.pad[i];
  shape<5> const& s = a.y.extents();
  map.by_channels = channels_last(map.y);
  if (!map.by_channels)
    launch_packs<1>(c, op, s[0] * s[1] * s[2] * s[3], s[4], map);
  else if (channels_packed(map.x) && channels_packed(map.y))
    launch_packs<packed_width<T>>(c, op, s[0] * s[2] * s[3] * s[4], s[1], map);
  else
    launch_packs<1>(c, op, s[0] * s[2] * s[3] * s[4], s[1], map);
}

/// sums [n, places of dx, c] += dy, each at its argmax.
template <class T>
SCALE_KERNEL max_pool_scatter_kernel(volume<T const> dy, volume<std::int32_t const> argmax, index_t places,
                                     float* sums) {
  index_t const i = static_cast<index_t>(blockIdx.x) * max_pool_tuning::block + static_cast<index_t>(threadIdx.x);
  index_t const channels = dy.extents[1];
  if (i >= dy.extents[0] * channels) return;
  index_t const n = i / channels, channel = i % channels;
  T const* const from = dy.channel(n, channel);
  std::int32_t const* const at = argmax.channel(n, channel);
  float* const to = sums + n * places * channels + channel;
  for (index_t place = 0; place < dy.places(); ++place)
    to[at[argmax.offset(place)] * channels] += static_cast<float>(from[dy.offset(place)]);
}

template <class T>
struct max_pool_gradient_map {
  float const* sums;  // [n, places, c]
  volume<T> dx;

  template <int Width>
  __device__ void apply(index_t i, index_t channel) const {
    static_assert(Width == 1);
    index_t const n = i / dx.places(), place = i % dx.places();
    dx.channel(n, channel)[dx.offset(place)] = T(sums[i * dx.extents[1] + channel]);
  }
};

template <class T>
void launch_max_pool_backward(context const& c, tensor_view<T const, 5, context> dy,
                              max_pool_backward_args<T, context> const& a) {
  constexpr auto op = "max_pool_backward";
  max_pool_gradient_map<T> map{nullptr, volume<T>(a.dx)};
  index_t const n = a.dx.extent(0), channels = a.dx.extent(1), places = map.dx.places();
  tensor<float, 1, context> sums(c, shape{n * places * channels});
  fill(c, sums.view(), 0.0f);
  launch(c, op, max_pool_scatter_kernel<T>, blocks(ceil_div(n * channels, max_pool_tuning::block)),
         max_pool_tuning::block, 0, volume<T const>(dy), volume<std::int32_t const>(a.argmax), places,
         sums.data_handle());
  map.sums = sums.data_handle();
  launch_packs<1>(c, op, n * places, channels, map);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_MAX_POOL(T)                                               \
  template void scale::cuda::detail::launch_max_pool_forward<T>(                         \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::max_pool_forward_args<T, scale::cuda::context> const&);                     \
  template void scale::cuda::detail::launch_max_pool_backward<T>(                        \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::max_pool_backward_args<T, scale::cuda::context> const&);
