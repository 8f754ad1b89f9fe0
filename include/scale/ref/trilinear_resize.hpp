// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference trilinear resizing, sums in stat_t<T>.

#include <scale/ops/trilinear_resize.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale::ref {

namespace detail {

/// The two places an output reads along one axis, and their weights.
template <class S>
struct tap_pair {
  index_t place[2];
  S weight[2];
};

template <class S>
tap_pair<S> taps_of(index_t out_place, index_t in, index_t out) {
  double const position = (std::max)(
      (static_cast<double>(out_place) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5, 0.0);
  index_t const low = (std::min)(static_cast<index_t>(position), in - 1);
  double const high_weight = position - static_cast<double>(low);
  return {{low, (std::min)(low + 1, in - 1)}, {static_cast<S>(1 - high_weight), static_cast<S>(high_weight)}};
}

/// f(place in `out`, place in `in`, weight) for the eight places of `in` that each place of `out` reads.
template <class S, class F>
void for_each_trilinear_tap(shape<5> const& in, shape<5> const& out, F const& f) {
  for (index_t n = 0; n < out[0]; ++n)
    for (index_t c = 0; c < out[1]; ++c)
      for (index_t t = 0; t < out[2]; ++t)
        for (index_t h = 0; h < out[3]; ++h)
          for (index_t w = 0; w < out[4]; ++w) {
            tap_pair<S> const pt = taps_of<S>(t, in[2], out[2]), ph = taps_of<S>(h, in[3], out[3]),
                              pw = taps_of<S>(w, in[4], out[4]);
            for (int k = 0; k < 8; ++k) {
              int const i = k >> 2, j = (k >> 1) & 1, l = k & 1;
              f(shape<5>{n, c, t, h, w}, shape<5>{n, c, pt.place[i], ph.place[j], pw.place[l]},
                pt.weight[i] * ph.weight[j] * pw.weight[l]);
            }
          }
}

}  // namespace detail

template <floating T>
void trilinear_resize_forward(context const&, tensor_view<T const, 5, context> x,
                              trilinear_resize_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  std::vector<stat> sums(static_cast<std::size_t>(a.y.size()), stat(0));
  tensor_view<stat, 5, context> const y(sums.data(), a.y.extents());
  detail::for_each_trilinear_tap<stat>(x.extents(), a.y.extents(), [&](auto const& o, auto const& i, stat weight) {
    y(o[0], o[1], o[2], o[3], o[4]) += weight * stat(x(i[0], i[1], i[2], i[3], i[4]));
  });
  for (index_t k = 0; k < a.y.size(); ++k) a.y.data_handle()[k] = T(sums[static_cast<std::size_t>(k)]);
}

template <floating T>
void trilinear_resize_backward(context const&, tensor_view<T const, 5, context> dy,
                               trilinear_resize_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  std::vector<stat> sums(static_cast<std::size_t>(a.dx.size()), stat(0));
  tensor_view<stat, 5, context> const dx(sums.data(), a.dx.extents());
  detail::for_each_trilinear_tap<stat>(a.dx.extents(), dy.extents(), [&](auto const& o, auto const& i, stat weight) {
    dx(i[0], i[1], i[2], i[3], i[4]) += weight * stat(dy(o[0], o[1], o[2], o[3], o[4]));
  });
  for (index_t k = 0; k < a.dx.size(); ++k) a.dx.data_handle()[k] = T(sums[static_cast<std::size_t>(k)]);
}

}  // namespace scale::ref
