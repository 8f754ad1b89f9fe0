// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference convolution, sums in stat_t<T>. A sum of y starts from the bias, goes over the taps that meet the input in
// the order of the kernel, and over the channels within a tap; the residual comes last.

#include <scale/ops/convolution.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/detail/products.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale::ref {

namespace detail {

/// As rank 5, with one frame where there is no time.
template <class T, int Rank>
tensor_view<T, 5, context> as_volume(tensor_view<T, Rank, context> const& x) {
  if constexpr (Rank == 5)
    return x;
  else
    return {x.data_handle(), shape<5>{x.extent(0), x.extent(1), 1, x.extent(2), x.extent(3)},
            shape<5>{x.stride(0), x.stride(1), 0, x.stride(2), x.stride(3)}};
}

/// Stride and padding of one axis, and which kernel taps meet the input.
struct axis_geometry {
  index_t stride = 1, pad = 0, kernel = 1, in = 1;

  index_t origin(index_t out) const { return out * stride - pad; }
  bool meets(index_t place) const { return place >= 0 && place < in; }
  index_t first_tap(index_t out) const { return (std::max)(index_t{0}, -origin(out)); }
  index_t last_tap(index_t out) const { return (std::min)(kernel, in - origin(out)); }  // one past
};

struct volume_geometry {
  axis_geometry t, h, w;
};

template <class Args, int Rank, class T>
volume_geometry geometry_of(Args const& a, tensor_view<T, Rank, context> const& x) {
  volume_geometry g;
  axis_geometry* const axes[3] = {&g.t, &g.h, &g.w};
  for (int axis = 2; axis < Rank; ++axis)
    *axes[axis - 2 + (5 - Rank)] = {a.stride[axis - 2], a.pad_begin[axis - 2], a.weight.extent(axis), x.extent(axis)};
  return g;
}

/// f(channel within the group, kt, kh, kw) for every tap of the kernel that meets the input at one output place.
template <class F>
void for_each_tap(volume_geometry const& g, index_t channels, index_t t, index_t h, index_t w, F const& f) {
  for (index_t c = 0; c < channels; ++c)
    for (index_t kt = g.t.first_tap(t); kt < g.t.last_tap(t); ++kt)
      for (index_t kh = g.h.first_tap(h); kh < g.h.last_tap(h); ++kh)
        for (index_t kw = g.w.first_tap(w); kw < g.w.last_tap(w); ++kw) f(c, kt, kh, kw);
}

/// A clip and a place of y, whatever the channel.
struct output_place {
  index_t n, t, h, w;
};

/// The place at which number `i` of all places stands, w running fastest.
inline output_place place_of(shape<5> const& y, index_t i) {
  return {i / (y[4] * y[3] * y[2]), i / (y[4] * y[3]) % y[2], i / y[4] % y[3], i % y[4]};
}

/// f(n, o, t, h, w) for every element of y.
template <class T, class F>
void for_each_place(tensor_view<T, 5, context> const& y, F const& f) {
  for (index_t n = 0; n < y.extent(0); ++n)
    for (index_t o = 0; o < y.extent(1); ++o)
      for (index_t t = 0; t < y.extent(2); ++t)
        for (index_t h = 0; h < y.extent(3); ++h)
          for (index_t w = 0; w < y.extent(4); ++w) f(n, o, t, h, w);
}

}  // namespace detail

template <floating T, int Rank>
void convolution_forward(context const&, tensor_view<T const, Rank, context> x_,
                         convolution_forward_args<T, Rank, context> const& a) {
  using stat = stat_t<T>;
  auto const x = detail::as_volume(x_), weight = detail::as_volume(a.weight);
  auto const residual = detail::as_volume(a.residual);
  auto const y = detail::as_volume(a.y);
  detail::volume_geometry const g = detail::geometry_of(a, x_);
  index_t const channels = weight.extent(1), outputs = weight.extent(0) / a.groups;
  std::vector<detail::output_place> places;
  std::vector<detail::product_row<T, stat>> rows;
  std::vector<stat> sums(static_cast<std::size_t>(detail::rows_at_once * outputs));
  index_t const all = y.extent(0) * y.extent(2) * y.extent(3) * y.extent(4);
  for (index_t begin = 0; begin < all; begin += detail::rows_at_once) {
    places.clear();
    for (index_t i = begin; i < (std::min)(all, begin + detail::rows_at_once); ++i)
      places.push_back(detail::place_of(y.extents(), i));
    for (index_t group = 0; group < a.groups; ++group) {
      index_t const first = group * outputs;
      auto const sum_of = [&](std::size_t place) { return sums.data() + static_cast<index_t>(place) * outputs; };
      for (std::size_t p = 0; p < places.size(); ++p)
        for (index_t o = 0; o < outputs; ++o) sum_of(p)[o] = a.bias.has_data() ? stat(a.bias(first + o)) : stat(0);
      for (index_t kt = 0; kt < g.t.kernel; ++kt)
        for (index_t kh = 0; kh < g.h.kernel; ++kh)
          for (index_t kw = 0; kw < g.w.kernel; ++kw) {
            rows.clear();
            for (std::size_t p = 0; p < places.size(); ++p) {
              detail::output_place const& at = places[p];
              index_t const t = g.t.origin(at.t) + kt, h = g.h.origin(at.h) + kh, w = g.w.origin(at.w) + kw;
              if (g.t.meets(t) && g.h.meets(h) && g.w.meets(w))
                rows.push_back({&x(at.n, group * channels, t, h, w), sum_of(p)});
            }
            detail::stepped_matrix<T> const tap{&weight(first, 0, kt, kh, kw), weight.stride(1), weight.stride(0)};
            detail::add_products(rows, x.stride(1), tap, channels, outputs);
          }
      for (index_t o = 0; o < outputs; ++o)
        for (std::size_t p = 0; p < places.size(); ++p) {
          detail::output_place const& at = places[p];
          stat sum = sum_of(p)[o];
          if (residual.has_data()) sum += stat(residual(at.n, first + o, at.t, at.h, at.w));
          if (a.act != activation::none && sum < 0) sum = 0;
          if (a.act == activation::relu6 && sum > 6) sum = 6;
          y(at.n, first + o, at.t, at.h, at.w) = T(sum);
        }
    }
  }
}

template <floating T, int Rank>
void convolution_backward(context const&, tensor_view<T const, Rank, context> x_,
                          convolution_backward_args<T, Rank, context> const& a) {
  using stat = stat_t<T>;
  auto const x = detail::as_volume(x_), weight = detail::as_volume(a.weight), dy = detail::as_volume(a.dy);
  auto const dx = detail::as_volume(a.dx);
  auto const dweight = detail::as_volume(a.dweight);
  detail::volume_geometry const g = detail::geometry_of(a, x_);
  index_t const channels = weight.extent(1), outputs = weight.extent(0) / a.groups;
  std::vector<stat> sums(dx.has_data() ? static_cast<std::size_t>(x.size()) : 0, stat(0));  // of dx, row-major
  tensor_view<stat, 5, context> const dx_sum(sums.data(), x.extents());
  detail::for_each_place(dy, [&](index_t n, index_t o, index_t t, index_t h, index_t w) {
    index_t const first = o / outputs * channels;
    stat const slope = stat(dy(n, o, t, h, w));
    if (a.dbias.has_data()) a.dbias(o) += slope;
    detail::for_each_tap(g, channels, t, h, w, [&](index_t c, index_t kt, index_t kh, index_t kw) {
      index_t const it = g.t.origin(t) + kt, ih = g.h.origin(h) + kh, iw = g.w.origin(w) + kw;
      if (dx.has_data()) dx_sum(n, first + c, it, ih, iw) += slope * stat(weight(o, c, kt, kh, kw));
      if (dweight.has_data()) dweight(o, c, kt, kh, kw) += slope * stat(x(n, first + c, it, ih, iw));
    });
  });
  if (dx.has_data())
    detail::for_each_place(dx, [&](index_t n, index_t c, index_t t, index_t h, index_t w) {
      dx(n, c, t, h, w) = T(dx_sum(n, c, t, h, w));
    });
}

}  // namespace scale::ref
