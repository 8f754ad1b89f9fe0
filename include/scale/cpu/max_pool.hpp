// SPDX-License-Identifier: Apache-2.0
#pragma once
// Max pooling on the CPU: the axis that lies dense, channels or columns, is the vector's; the rest goes to the threads.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/max_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace scale::cpu {

namespace detail {

/// Running maxima of n outputs side by side, and where each was found; -1 before the first value.
struct pool_lanes {
  std::vector<float> best;
  std::vector<std::int32_t> where;

  SCALE_ALWAYS_INLINE void reset(index_t n) {
    for (index_t i = 0; i < n; ++i) {
      best[static_cast<std::size_t>(i)] = -std::numeric_limits<float>::infinity();
      where[static_cast<std::size_t>(i)] = -1;
    }
  }

  /// Takes x[i * stride], found at place + i * place_step, into lane first + i, i in [0, n); an earlier equal one
  /// stays.
  template <class T, class Stride>
  SCALE_ALWAYS_INLINE void take(index_t first, index_t n, T const* x, Stride stride, std::int32_t place,
                                std::int32_t place_step) {
    float* const most = best.data() + first;
    std::int32_t* const at = where.data() + first;
#pragma omp simd
    for (index_t i = 0; i < n; ++i) {
      float const value = float(x[i * stride]), old = most[i];
      bool const larger = (value > old) | (at[i] < 0) | ((value != value) & (old == old));
      most[i] = larger ? value : old;
      at[i] = larger ? place + static_cast<std::int32_t>(i) * place_step : at[i];
    }
  }
};

/// A stride of 1 that the compiler sees.
struct unit_stride {
  friend constexpr index_t operator*(index_t i, unit_stride) { return i; }
};

/// Which input places an output along one axis looks at: [begin, end).
struct pool_window {
  index_t begin, end;

  template <class Args>
  static pool_window of(Args const& a, int axis, index_t out, index_t in) {
    index_t const origin = out * a.stride[axis] - a.pad[axis];
    return {(std::max)(index_t{0}, origin), (std::min)(in, origin + a.kernel[axis])};
  }
};

/// f(offset into x, place) for every tap of a window.
template <class F>
SCALE_ALWAYS_INLINE void for_each_pool_tap(pool_window t, pool_window h, pool_window w, shape<5> const& in,
                                           shape<5> const& strides, F const& f) {
  for (index_t it = t.begin; it < t.end; ++it)
    for (index_t ih = h.begin; ih < h.end; ++ih)
      for (index_t iw = w.begin; iw < w.end; ++iw)
        f(it * strides[2] + ih * strides[3] + iw * strides[4],
          static_cast<std::int32_t>((it * in[3] + ih) * in[4] + iw));
}

}  // namespace detail

template <cpu_element T>
void max_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                      max_pool_forward_args<T, context> const& a) {
  using detail::pool_window;
  shape<5> const in = x.extents(), out = a.y.extents(), xs = x.strides(), ys = a.y.strides();
  bool const along_channels = in[1] > 1 && xs[1] == 1;
  index_t const lanes = along_channels ? out[1] : out[4];
  index_t const others = along_channels ? out[4] : out[1];
  index_t const rows = out[0] * others * out[2] * out[3];
  // Row r of outputs: sample, frame, row, and the one of channel and column that is not the vector's
  auto const one_row = [&](detail::pool_lanes& found, index_t r) {
    index_t const other = along_channels ? r % others : r / (out[2] * out[3]) % others;
    index_t const plane = along_channels ? r / others : r;
    index_t const h = plane % out[3], t = plane / out[3] % out[2];
    index_t const n = along_channels ? plane / (out[2] * out[3]) : plane / (out[2] * out[3] * others);
    pool_window const over_t = pool_window::of(a, 0, t, in[2]), over_h = pool_window::of(a, 1, h, in[3]);
    found.reset(lanes);
    T const* const from = x.data_handle() + n * xs[0] + (along_channels ? 0 : other * xs[1]);
    if (along_channels) {
      detail::for_each_pool_tap(over_t, over_h, pool_window::of(a, 2, other, in[4]), in, xs,
                                [&](index_t offset, std::int32_t place) {
                                  found.take(0, lanes, from + offset, detail::unit_stride{}, place, 0);
                                });
    } else {
      // Tap kw of output w reads column w * stride + kw - pad: valid for w in [first, last)
      index_t const step = a.stride[2];
      detail::for_each_pool_tap(over_t, over_h, {0, 1}, in, xs, [&](index_t offset, std::int32_t place) {
        for (index_t kw = 0; kw < a.kernel[2]; ++kw) {
          index_t const shift = kw - a.pad[2];
          index_t const first = shift < 0 ? (-shift + step - 1) / step : 0;
          index_t const last = (std::min)(lanes, in[4] > shift ? (in[4] - 1 - shift) / step + 1 : 0);
          if (first >= last) continue;
          index_t const column = first * step + shift;
          found.take(first, last - first, from + offset + column * xs[4], step * xs[4],
                     place + static_cast<std::int32_t>(column), static_cast<std::int32_t>(step));
        }
      });
    }
    auto const store = [&](auto const& view, shape<5> const& s, auto const& put) {
      auto* const to = view.data_handle() + n * s[0] + t * s[2] + h * s[3] + other * (along_channels ? s[4] : s[1]);
      index_t const step = along_channels ? s[1] : s[4];
      for (index_t i = 0; i < lanes; ++i) put(to[i * step], static_cast<std::size_t>(i));
    };
    store(a.y, ys, [&](T& to, std::size_t i) { detail::round_to(to, found.best[i]); });
    if (a.argmax.has_data())
      store(a.argmax, a.argmax.strides(), [&](std::int32_t& to, std::size_t i) { to = found.where[i]; });
  };
  index_t const taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  index_t const grain = detail::grain_for(lanes * taps * static_cast<index_t>(sizeof(T)));
  detail::parallel_for(c, rows, grain, [&](index_t begin, index_t end) {
    detail::pool_lanes found{std::vector<float>(static_cast<std::size_t>(lanes)),
                             std::vector<std::int32_t>(static_cast<std::size_t>(lanes))};
    detail::simd_dispatch([&] {
      for (index_t r = begin; r < end; ++r) one_row(found, r);
    });
  });
}

template <cpu_element T>
void max_pool_backward(context const& c, tensor_view<T const, 5, context> dy,
                       max_pool_backward_args<T, context> const& a) {
  constexpr index_t some_channels = 16;  // of a place: they share cache lines in channels-last tensors
  shape<5> const in = a.dx.extents(), out = dy.extents();
  index_t const parts = (in[1] + some_channels - 1) / some_channels;
  detail::parallel_for(c, in[0] * parts, 1, [&](index_t begin, index_t end) {
    std::vector<float> sums(static_cast<std::size_t>(in[2] * in[3] * in[4] * some_channels));
    for (index_t unit = begin; unit < end; ++unit) {
      index_t const n = unit / parts, first = unit % parts * some_channels;
      index_t const last = (std::min)(in[1], first + some_channels);
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (index_t t = 0; t < out[2]; ++t)
        for (index_t h = 0; h < out[3]; ++h)
          for (index_t w = 0; w < out[4]; ++w)
            for (index_t k = first; k < last; ++k) {
              index_t const place = a.argmax(n, k, t, h, w);
              sums[static_cast<std::size_t>(place * some_channels + k - first)] += float(dy(n, k, t, h, w));
            }
      float const* sum = sums.data();
      for (index_t t = 0; t < in[2]; ++t)
        for (index_t h = 0; h < in[3]; ++h)
          for (index_t w = 0; w < in[4]; ++w, sum += some_channels)
            for (index_t k = first; k < last; ++k) a.dx(n, k, t, h, w) = T(sum[k - first]);
    }
  });
}

}  // namespace scale::cpu
