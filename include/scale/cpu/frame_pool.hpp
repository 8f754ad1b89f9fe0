// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pooling of frames on the CPU: row by row, a strip of columns at a time. Small beside the networks before it.

#include <scale/cpu/context.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/ops/frame_pool.hpp>

#include <algorithm>
#include <cmath>

namespace scale::cpu {

template <floating T>
void frame_pool(context const&, tensor_view<T const, 2, context> x, frame_pool_args<T, context> const& a) {
  using S = stat_t<T>;
  constexpr index_t strip = 64;
  index_t const n = a.y.extent(0), c = x.extent(1), t = a.frames;
  S const share = S(1) / static_cast<S>(t), change_share = t > 1 ? S(1) / static_cast<S>(t - 1) : S(0);
  for (index_t i = 0; i < n; ++i)
    for (index_t begin = 0; begin < c; begin += strip) {
      index_t const width = (std::min)(strip, c - begin);
      S sum[strip] = {}, change[strip] = {};
      for (index_t f = 0; f < t; ++f) {
        T const* const row = x.data_handle() + (i * t + f) * x.stride(0) + begin;
        for (index_t j = 0; j < width; ++j) sum[j] += S(row[j]);
        if (f == 0) continue;
        T const* const before = row - x.stride(0);
        for (index_t j = 0; j < width; ++j) change[j] += std::abs(S(row[j]) - S(before[j]));
      }
      T* const out = a.y.data_handle() + i * a.y.stride(0) + begin;
      for (index_t j = 0; j < width; ++j) detail::round_to(out[j], sum[j] * share);
      if (a.how == frame_pooling::mean_and_motion)
        for (index_t j = 0; j < width; ++j) detail::round_to(out[c + j], change[j] * change_share);
    }
}

}  // namespace scale::cpu
