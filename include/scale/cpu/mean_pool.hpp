// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean pooling on the CPU: vectors over channels or places, whichever lie dense; samples and channels over the threads.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/mean_pool.hpp>

#include <algorithm>

namespace scale::cpu {

template <cpu_element T, int Rank>
void mean_pool_forward(context const& c, tensor_view<T const, Rank, context> x,
                       mean_pool_forward_args<T, context> const& a) {
  constexpr index_t some_channels = 64;
  index_t const n = x.extent(0), channels = x.extent(1);
  index_t const frames = Rank == 5 ? x.extent(2) : 1, frame_stride = Rank == 5 ? x.stride(2) : 0;
  index_t const rows = x.extent(Rank - 2), row_stride = x.stride(Rank - 2);
  index_t const columns = x.extent(Rank - 1), column_stride = x.stride(Rank - 1), channel_stride = x.stride(1);
  index_t const parts = (channels + some_channels - 1) / some_channels;
  using S = stat_t<T>;
  S const inverse = S(1) / static_cast<S>(frames * rows * columns);
  // Sums of a row of places go into sums of the whole: the error stays that of two short sums
  auto const some = [&](index_t sample, index_t first, index_t count) {
    T const* const from = x.data_handle() + sample * x.stride(0) + first * channel_stride;
    S total[some_channels] = {};
    for (index_t row = 0; row < frames * rows; ++row) {
      T const* const places = from + row / rows * frame_stride + row % rows * row_stride;
      if (channel_stride == 1) {
        S sum[some_channels] = {};
        for (index_t w = 0; w < columns; ++w) {
          T const* const place = places + w * column_stride;
#pragma omp simd
          for (index_t k = 0; k < count; ++k) sum[k] += S(place[k]);
        }
#pragma omp simd
        for (index_t k = 0; k < count; ++k) total[k] += sum[k];
      } else {
        for (index_t k = 0; k < count; ++k) {
          T const* const place = places + k * channel_stride;
          total[k] += column_stride == 1
                          ? detail::lane_sum<S>(columns, [=](index_t w) { return S(place[w]); })
                          : detail::lane_sum<S>(columns, [=](index_t w) { return S(place[w * column_stride]); });
        }
      }
    }
    T* const to = a.y.data_handle() + sample * a.y.stride(0) + first;
    for (index_t k = 0; k < count; ++k) detail::round_to(to[k], total[k] * inverse);
  };
  detail::parallel_for(c, n * parts, 1, [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t unit = begin; unit < end; ++unit) {
        index_t const first = unit % parts * some_channels;
        some(unit / parts, first, (std::min)(some_channels, channels - first));
      }
    });
  });
}

template <cpu_element T>
void mean_pool_backward(context const& c, tensor_view<T const, 2, context> dy,
                        mean_pool_backward_args<T, context> const& a) {
  index_t const channels = dy.extent(1), frames = a.dx.extent(2), rows = a.dx.extent(3), columns = a.dx.extent(4);
  using S = stat_t<T>;
  S const inverse = S(1) / static_cast<S>((std::max)(index_t{1}, frames * rows * columns));
  bool const along_channels = channels > 1 && a.dx.stride(1) == 1;
  detail::parallel_for(c, dy.extent(0), 1, [&](index_t begin, index_t end) {
    for (index_t n = begin; n < end; ++n)
      if (along_channels) {
        for (index_t place = 0; place < frames * rows * columns; ++place)
          for (index_t k = 0; k < channels; ++k)
            a.dx(n, k, place / (rows * columns), place / columns % rows, place % columns) = T(S(dy(n, k)) * inverse);
      } else {
        for (index_t k = 0; k < channels; ++k)
          for (index_t place = 0; place < frames * rows * columns; ++place)
            a.dx(n, k, place / (rows * columns), place / columns % rows, place % columns) = T(S(dy(n, k)) * inverse);
      }
  });
}

}  // namespace scale::cpu
