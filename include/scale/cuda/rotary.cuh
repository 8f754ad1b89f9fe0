// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of rotary positions: a thread per pack of neighbours, at least a pair, since y may be x.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/rotary.hpp>

namespace scale::cuda::detail {

template <class T>
struct rotary_map {
  matrix<T const> x, cosine, sine;
  matrix<T> y;
  index_t width;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    index_t const d = j % width;
    lanes<Width> v = read<Width>(x.row(i) + j);
    lanes<Width> const cosines = read<Width>(cosine.row(i) + d), sines = read<Width>(sine.row(i) + d);
    for (int k = 0; k < Width; k += 2) {
      float const first = v[k], second = v[k + 1];
      v[k] = first * cosines[k] - second * sines[k];
      v[k + 1] = second * cosines[k + 1] + first * sines[k + 1];
    }
    if constexpr (Width == 2)
      for (int k = 0; k < Width; ++k) y.row(i)[j + k] = T(v[k]);
    else
      store<Width>(y.row(i) + j, v);
  }

  /// A pair may have any address.
  template <int Width>
  __device__ static lanes<Width> read(T const* from) {
    if constexpr (Width == 2)
      return {{static_cast<float>(from[0]), static_cast<float>(from[1])}};
    else
      return load<Width>(from);
  }
};

template <class T>
void launch_rotary(context const& c, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a) {
  constexpr auto op = "rotary";
  index_t const n = x.extent(0), columns = x.extent(1), width = a.cosine.extent(1);
  rotary_map<T> const map{x, a.cosine, a.sine, a.y, width};
  if (packs_fit<T>(width, map.x, map.cosine, map.sine, map.y))
    launch_packs<packed_width<T>>(c, op, n, columns, map);
  else
    launch_packs<2>(c, op, n, columns, map);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_ROTARY(T)                                                                    \
  template void scale::cuda::detail::launch_rotary<T>(scale::cuda::context const&,                          \
                                                      scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                      scale::rotary_args<T, scale::cuda::context> const&);
