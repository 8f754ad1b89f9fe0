// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of trilinear resizing: a thread per result, which gathers what it is made of; positions in double, as on the
// host.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/trilinear_resize.hpp>

namespace scale::cuda::detail {

/// One axis of a resize.
struct resize_axis {
  index_t in, out;

  /// The two places of the input that an output reads, and their weights.
  struct taps {
    index_t place[2];
    float weight[2];

    __device__ float of(index_t p) const {
      return (place[0] == p ? weight[0] : 0.0f) + (place[1] == p ? weight[1] : 0.0f);
    }
  };

  __device__ double ratio() const { return static_cast<double>(out) / static_cast<double>(in); }

  __device__ taps read_by(index_t i) const {
    double const centre = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    double const position = centre > 0 ? centre : 0;
    index_t const low = static_cast<index_t>(position) < in ? static_cast<index_t>(position) : in - 1;
    double const high_weight = position - static_cast<double>(low);
    return {{low, low + 1 < in ? low + 1 : low},
            {static_cast<float>(1 - high_weight), static_cast<float>(high_weight)}};
  }

  /// All outputs that read place p lie in [first_reader(p), end_of_readers(p)): their positions, in [p - 1, p + 1).
  __device__ index_t first_reader(index_t p) const {
    index_t const i = static_cast<index_t>((static_cast<double>(p) - 0.5) * ratio() - 0.5) - 1;
    return i < 0 ? 0 : i;
  }
  __device__ index_t end_of_readers(index_t p) const {
    index_t const i = static_cast<index_t>((static_cast<double>(p) + 1.5) * ratio() - 0.5) + 2;
    return i < out ? i : out;
  }
};

/// Contiguous tensors; rows are all axes but the last.
template <class T>
struct resize_map {
  resize_axis t, h, w;
  T const* x;
  T* y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    static_assert(Width == 1);
    resize_axis::taps const at = t.read_by(i / h.out % t.out), ah = h.read_by(i % h.out), aw = w.read_by(j);
    T const* const from = x + i / (t.out * h.out) * t.in * h.in * w.in;
    float sum = 0;
    for (int k = 0; k < 8; ++k) {
      int const a = k >> 2, b = k >> 1 & 1, d = k & 1;
      float const weight = at.weight[a] * ah.weight[b] * aw.weight[d];
      sum += weight * static_cast<float>(from[(at.place[a] * h.in + ah.place[b]) * w.in + aw.place[d]]);
    }
    y[i * w.out + j] = T(sum);
  }
};

template <class T>
struct resize_gradient_map {
  resize_axis t, h, w;
  T const* dy;
  T* dx;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    static_assert(Width == 1);
    index_t const place_t = i / h.in % t.in, place_h = i % h.in;
    T const* const from = dy + i / (t.in * h.in) * t.out * h.out * w.out;
    float sum = 0;
    for (index_t ot = t.first_reader(place_t); ot < t.end_of_readers(place_t); ++ot)
      for (index_t oh = h.first_reader(place_h); oh < h.end_of_readers(place_h); ++oh) {
        float const plane_weight = t.read_by(ot).of(place_t) * h.read_by(oh).of(place_h);
        for (index_t ow = w.first_reader(j); ow < w.end_of_readers(j); ++ow) {
          float const weight = plane_weight * w.read_by(ow).of(j);
          if (weight != 0) sum += weight * static_cast<float>(from[(ot * h.out + oh) * w.out + ow]);
        }
      }
    dx[i * w.in + j] = T(sum);
  }
};

template <class Small, class Large>
resize_axis axis_of(Small const& in, Large const& out, int axis) {
  return {in.extent(axis), out.extent(axis)};
}

template <class T>
void launch_trilinear_resize_forward(context const& c, tensor_view<T const, 5, context> x,
                                     trilinear_resize_forward_args<T, context> const& a) {
  resize_map<T> const map{axis_of(x, a.y, 2), axis_of(x, a.y, 3), axis_of(x, a.y, 4), x.data_handle(),
                          a.y.data_handle()};
  launch_packs<1>(c, "trilinear_resize_forward", x.extent(0) * x.extent(1) * map.t.out * map.h.out, map.w.out, map);
}

template <class T>
void launch_trilinear_resize_backward(context const& c, tensor_view<T const, 5, context> dy,
                                      trilinear_resize_backward_args<T, context> const& a) {
  resize_gradient_map<T> const map{axis_of(a.dx, dy, 2), axis_of(a.dx, dy, 3), axis_of(a.dx, dy, 4), dy.data_handle(),
                                   a.dx.data_handle()};
  launch_packs<1>(c, "trilinear_resize_backward", dy.extent(0) * dy.extent(1) * map.t.in * map.h.in, map.w.in, map);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_TRILINEAR_RESIZE(T)                                       \
  template void scale::cuda::detail::launch_trilinear_resize_forward<T>(                 \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::trilinear_resize_forward_args<T, scale::cuda::context> const&);             \
  template void scale::cuda::detail::launch_trilinear_resize_backward<T>(                \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::trilinear_resize_backward_args<T, scale::cuda::context> const&);
