// SPDX-License-Identifier: Apache-2.0
// What makes `ref` an oracle whose numbers stay: each sum is one accumulator and takes its terms one by one, in the
// order that the header names. Equal bits against the plainest loops, with sizes around every block of the fast ones.
#include <scale/ops.hpp>
#include <scale/ref.hpp>

#include <doctest/doctest.h>
#include <support/random_tensor.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using scale::index_t;
using scale::shape;
using scale::stat_t;
using context = scale::ref::context;
template <class T, int Rank>
using view = scale::tensor_view<T, Rank, context>;

template <class T>
T& at(std::vector<T>& values, index_t i) {
  return values[static_cast<std::size_t>(i)];
}

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST_CASE_TEMPLATE("ref: a product's sums run over k, one term at a time", T, double, float, scale::bf16) {
  using stat = stat_t<T>;
  context const b;
  struct sizes {
    index_t m, k, n;
  };
  for (sizes const& s :
       {sizes{1, 1, 1}, sizes{3, 5, 7}, sizes{2, 31, 8}, sizes{5, 32, 9}, sizes{4, 33, 63}, sizes{9, 36, 64},
        sizes{6, 67, 65}, sizes{255, 9, 12}, sizes{257, 7, 5}, sizes{513, 130, 3}, sizes{3, 129, 129}}) {
    index_t const m = s.m, k = s.k, n = s.n;
    CAPTURE(m);
    CAPTURE(k);
    CAPTURE(n);
    auto left = testing::random_values<T>(m * k, 1), right = testing::random_values<T>(k * n, 2);
    auto const before = testing::random_values<T>(m * n, 3);
    for (bool const flipped : {false, true})
      for (bool const add : {false, true}) {
        std::vector<T> expected = before, got = before;
        for (index_t i = 0; i < m; ++i)
          for (index_t j = 0; j < n; ++j) {
            stat sum = 0;
            for (index_t l = 0; l < k; ++l)
              sum += stat(at(left, flipped ? l * m + i : i * k + l)) * stat(at(right, flipped ? j * k + l : l * n + j));
            T& c = at(expected, i * n + j);
            c = add ? T(stat(c) + sum) : T(sum);
          }
        auto const flip = flipped ? scale::transpose::yes : scale::transpose::no;
        scale::matmul(b, view<T const, 2>(left.data(), flipped ? shape{k, m} : shape{m, k}),
                      {.b = {right.data(), flipped ? shape{n, k} : shape{k, n}},
                       .c = {got.data(), shape{m, n}},
                       .transpose_a = flip,
                       .transpose_b = flip,
                       .mode = add ? scale::write_mode::accumulate : scale::write_mode::assign});
        CHECK(same_bits(got, expected));
      }
    std::vector<T> expected(before), got(before);  // a layer's sums start from the bias
    auto bias = testing::random_values<T>(n, 4);
    for (index_t i = 0; i < m; ++i)
      for (index_t j = 0; j < n; ++j) {
        stat sum = stat(at(bias, j));
        for (index_t l = 0; l < k; ++l) sum += stat(at(left, i * k + l)) * stat(at(right, j * k + l));
        at(expected, i * n + j) = T(sum);
      }
    scale::linear_forward(
        b, view<T const, 2>(left.data(), shape{m, k}),
        {.weight = {right.data(), shape{n, k}}, .bias = {bias.data(), shape{n}}, .y = {got.data(), shape{m, n}}});
    CHECK(same_bits(got, expected));
  }
}

TEST_CASE_TEMPLATE("ref: a convolution's sums run over taps, then channels", T, double, float, scale::bf16) {
  using stat = stat_t<T>;
  context const b;
  struct geometry {
    index_t n, c, o, groups, t, h, w, kernel[3], stride[3], pad[3];
  };
  for (geometry const& g : {geometry{1, 1, 1, 1, 1, 1, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
                            geometry{2, 6, 4, 2, 3, 7, 5, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}},
                            geometry{1, 3, 65, 1, 3, 13, 11, {3, 5, 5}, {1, 2, 2}, {1, 2, 2}},
                            geometry{3, 35, 9, 1, 2, 12, 11, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
                            geometry{1, 5, 5, 5, 2, 9, 8, {1, 3, 3}, {1, 2, 1}, {0, 1, 1}}}) {
    CAPTURE(g.c);
    CAPTURE(g.o);
    index_t const channels = g.c / g.groups;
    shape<5> const x{g.n, g.c, g.t, g.h, g.w}, weight{g.o, channels, g.kernel[0], g.kernel[1], g.kernel[2]};
    shape<5> y{g.n, g.o, 0, 0, 0};
    for (int axis = 0; axis < 3; ++axis)
      y[2 + axis] = (x[2 + axis] + 2 * g.pad[axis] - g.kernel[axis]) / g.stride[axis] + 1;
    auto values = testing::random_values<T>(x.size(), 1), taps = testing::random_values<T>(weight.size(), 2);
    auto bias = testing::random_values<T>(g.o, 3), residual = testing::random_values<T>(y.size(), 4);
    std::vector<T> expected(residual.size()), got(residual.size());
    view<T, 5> const vx(values.data(), x), vw(taps.data(), weight), vr(residual.data(), y), ve(expected.data(), y);
    for (index_t n = 0; n < y[0]; ++n)
      for (index_t o = 0; o < y[1]; ++o)
        for (index_t t = 0; t < y[2]; ++t)
          for (index_t h = 0; h < y[3]; ++h)
            for (index_t w = 0; w < y[4]; ++w) {
              stat sum = stat(at(bias, o));
              for (index_t kt = 0; kt < g.kernel[0]; ++kt)
                for (index_t kh = 0; kh < g.kernel[1]; ++kh)
                  for (index_t kw = 0; kw < g.kernel[2]; ++kw)
                    for (index_t c = 0; c < channels; ++c) {
                      index_t const it = t * g.stride[0] - g.pad[0] + kt, ih = h * g.stride[1] - g.pad[1] + kh;
                      index_t const iw = w * g.stride[2] - g.pad[2] + kw;
                      if (it < 0 || it >= g.t || ih < 0 || ih >= g.h || iw < 0 || iw >= g.w) continue;
                      sum += stat(vw(o, c, kt, kh, kw)) * stat(vx(n, o / (g.o / g.groups) * channels + c, it, ih, iw));
                    }
              sum += stat(vr(n, o, t, h, w));
              ve(n, o, t, h, w) = T(sum);
            }
    scale::convolution_forward(b, view<T const, 5>(vx),
                               {.weight = vw,
                                .bias = {bias.data(), shape{g.o}},
                                .y = {got.data(), y},
                                .stride = {g.stride[0], g.stride[1], g.stride[2]},
                                .pad_begin = {g.pad[0], g.pad[1], g.pad[2]},
                                .pad_end = {g.pad[0], g.pad[1], g.pad[2]},
                                .groups = g.groups,
                                .residual = vr});
    CHECK(same_bits(got, expected));
  }
}

TEST_CASE_TEMPLATE("ref: attention's sums run over the columns of a head, then over the keys", T, double, float,
                   scale::bf16) {
  using stat = stat_t<T>;
  context const b;
  struct sizes {
    index_t sets, tokens, heads, width;
  };
  for (sizes const& s : {sizes{1, 1, 1, 1}, sizes{3, 5, 2, 3}, sizes{1, 300, 2, 33}, sizes{4, 66, 1, 66}}) {
    CAPTURE(s.tokens);
    index_t const all = s.sets * s.tokens, c = s.heads * s.width;
    auto q = testing::random_values<T>(all * c, 1, -2, 2), k = testing::random_values<T>(all * c, 2, -2, 2);
    auto v = testing::random_values<T>(all * c, 3);
    auto lengths = testing::random_indices(s.sets, 4, 0, static_cast<std::int32_t>(s.tokens + 1));
    std::vector<T> expected(q.size()), got(q.size());
    for (index_t i = 0; i < all; ++i)
      for (index_t head = 0; head < s.heads; ++head) {
        index_t const first = i / s.tokens * s.tokens, length = at(lengths, i / s.tokens);
        index_t const keys = i % s.tokens < length ? length : 0;
        std::vector<stat> weights(static_cast<std::size_t>(keys));
        stat largest = -INFINITY, sum = 0;
        for (index_t j = 0; j < keys; ++j) {
          stat score = 0;
          for (index_t l = head * s.width; l < (head + 1) * s.width; ++l)
            score += stat(at(q, i * c + l)) * stat(at(k, (first + j) * c + l));
          at(weights, j) = stat(1 / std::sqrt(static_cast<double>(s.width))) * score;
          largest = (std::max)(largest, at(weights, j));
        }
        for (stat& weight : weights) sum += weight = std::exp(weight - largest);
        for (stat& weight : weights) weight /= sum;
        for (index_t l = head * s.width; l < (head + 1) * s.width; ++l) {
          stat out = 0;
          for (index_t j = 0; j < keys; ++j) out += at(weights, j) * stat(at(v, (first + j) * c + l));
          at(expected, i * c + l) = T(out);
        }
      }
    scale::attention_forward(b, view<T const, 2>(q.data(), shape{all, c}),
                             {.k = {k.data(), shape{all, c}},
                              .v = {v.data(), shape{all, c}},
                              .heads = s.heads,
                              .tokens = s.tokens,
                              .lengths = {lengths.data(), shape{s.sets}},
                              .out = {got.data(), shape{all, c}}});
    CHECK(same_bits(got, expected));
  }
}

}  // namespace
