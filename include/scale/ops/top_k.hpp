// SPDX-License-Identifier: Apache-2.0
#pragma once
// The nearest rows by dot product: contract of top_k_dot.

#include <scale/core/tensor.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace scale {

/// For each row of queries [m, d] the k rows of `bank` [n, d] of largest dot product, k <= n, best first; of equal
/// scores the lower index comes first. Rows of all matrices may lie apart. The m x n scores are never stored as a
/// whole.
template <class T, backend B>
struct top_k_dot_args {
  tensor_view<T const, 2, B> bank;        // [n, d]
  tensor_view<stat_t<T>, 2, B> score;     // [m, k]  = descending
  tensor_view<std::int32_t, 2, B> index;  // [m, k]  = row of bank
};

namespace detail::top_k_cpo {

void top_k_dot() = delete;

template <class B, class X, class A>
concept top_k_dot_on = requires(B const& b, X const& x, A const& a) {
  top_k_dot(b, x, a);
};

struct top_k_dot_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& queries_, std::type_identity_t<top_k_dot_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "top_k_dot";
    tensor_view<element_t<X> const, 2, B> const queries = queries_;
    index_t const m = queries.extent(0), d = queries.extent(1), n = a.bank.extent(0), k = a.score.extent(1);
    expect_row_contiguous(op, "queries", queries, at);
    expect_shape(op, "bank", a.bank, shape{n, d}, at);
    expect_row_contiguous(op, "bank", a.bank, at);
    if (n > (std::numeric_limits<std::int32_t>::max)())
      throw_expected(op, "bank.extent(0)", "fewer than 2^31 rows", std::to_string(n), at);
    if (k > n)
      throw_expected(op, "k = score.extent(1)", "at most bank.extent(0) = " + std::to_string(n), std::to_string(k), at);
    expect_shape(op, "score", a.score, shape{m, k}, at);
    expect_row_contiguous(op, "score", a.score, at);
    expect_shape(op, "index", a.index, shape{m, k}, at);
    expect_row_contiguous(op, "index", a.index, at);
    if constexpr (top_k_dot_on<B, decltype(queries), top_k_dot_args<element_t<X>, B>>)
      top_k_dot(b, queries, a);
    else
      static_assert(sizeof(X) == 0,
                    "top_k_dot: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::top_k_cpo

inline constexpr detail::top_k_cpo::top_k_dot_fn top_k_dot{};

}  // namespace scale
