// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/attention.hpp>
#include <scale/ref/attention.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

struct attention_case {
  index_t sets, tokens, heads, width;
  std::vector<std::int32_t> rows{}, lengths{};
  double dropout = 0, scale = 0;

  index_t c() const { return heads * width; }
  index_t all() const { return sets * tokens; }
  index_t queries() const { return rows.empty() ? all() : static_cast<index_t>(rows.size()); }
  index_t row(index_t i) const { return rows.empty() ? i : rows[static_cast<std::size_t>(i)]; }
};

scale::random_key const dropout_key = scale::make_key(5, 7, scale::purpose::dropout);

template <class T, class B>
struct attention_run {
  std::vector<T> out, probs, dq, dk, dv, out_without_probs;

  attention_run(B const& b, attention_case const& a, std::vector<T> const& q, std::vector<T> const& k,
                std::vector<T> const& v, std::vector<T> const& dout) {
    index_t const n = a.queries(), c = a.c(), all = a.all();
    testing::rows<T, B> q_(b, n, c, q), k_(b, all, c, k, 5), v_(b, all, c, v), dout_(b, n, c, dout), out_(b, n, c);
    testing::rows<T, B> dq_(b, n, c), dk_(b, all, c, 4), dv_(b, all, c), bare(b, n, c);
    scale::tensor<T, 3, B> probs_(b, shape{n, a.heads, a.tokens});
    auto const rows = testing::make_vector(b, a.rows), lengths = testing::make_vector(b, a.lengths);
    scale::tensor_view<std::int32_t const, 1, B> rows_view, lengths_view;
    if (!a.rows.empty()) rows_view = rows;
    if (!a.lengths.empty()) lengths_view = lengths;
    scale::attention_forward_args<T, B> forward{.k = k_,
                                                .v = v_,
                                                .heads = a.heads,
                                                .tokens = a.tokens,
                                                .rows = rows_view,
                                                .lengths = lengths_view,
                                                .out = out_,
                                                .probs = probs_,
                                                .dropout = a.dropout,
                                                .key = dropout_key,
                                                .scale = a.scale};
    scale::attention_forward(b, q_.view(), forward);
    scale::attention_backward(b, q_.view(),
                              {.k = k_,
                               .v = v_,
                               .probs = probs_,
                               .dout = dout_,
                               .heads = a.heads,
                               .tokens = a.tokens,
                               .rows = rows_view,
                               .lengths = lengths_view,
                               .dq = dq_,
                               .dk = dk_,
                               .dv = dv_,
                               .dropout = a.dropout,
                               .key = dropout_key,
                               .scale = a.scale});
    out = out_.values(b), probs = testing::values_of(b, probs_);
    dq = dq_.values(b), dk = dk_.values(b), dv = dv_.values(b);
    forward.out = bare, forward.probs = {};
    scale::attention_forward(b, q_.view(), forward);
    out_without_probs = bare.values(b);
  }
};

/// out by the formula, one number after another.
std::vector<double> formula(attention_case const& a, std::vector<double> const& q, std::vector<double> const& k,
                            std::vector<double> const& v) {
  index_t const c = a.c();
  auto const at = [c](std::vector<double> const& m, index_t i, index_t j) {
    return m[static_cast<std::size_t>(i * c + j)];
  };
  double const scale = a.scale != 0 ? a.scale : 1 / std::sqrt(static_cast<double>(a.width));
  std::vector<double> out(q.size(), 0);
  for (index_t i = 0; i < a.queries(); ++i) {
    index_t const set = a.row(i) / a.tokens;
    index_t const length = a.lengths.empty() ? a.tokens : a.lengths[static_cast<std::size_t>(set)];
    if (a.row(i) % a.tokens >= length) continue;
    for (index_t h = 0; h < a.heads; ++h) {
      std::vector<double> weights;
      double sum = 0;
      for (index_t j = 0; j < length; ++j) {
        double score = 0;
        for (index_t d = h * a.width; d < (h + 1) * a.width; ++d) score += at(q, i, d) * at(k, set * a.tokens + j, d);
        weights.push_back(std::exp(scale * score));
        sum += weights.back();
      }
      for (index_t j = 0; j < length; ++j) {
        auto const number = static_cast<std::uint64_t>((a.row(i) * a.heads + h) * a.tokens + j);
        bool const dropped = a.dropout != 0 && !scale::dropout_keeps(dropout_key, number, a.dropout);
        double const weight = dropped ? 0 : weights[static_cast<std::size_t>(j)] / sum / (1 - a.dropout);
        for (index_t d = h * a.width; d < (h + 1) * a.width; ++d)
          out[static_cast<std::size_t>(i * c + d)] += weight * at(v, set * a.tokens + j, d);
      }
    }
  }
  return out;
}

std::vector<std::int32_t> every_third(index_t n) {
  std::vector<std::int32_t> rows;
  for (index_t i = 1; i < n; i += i % 2 == 0 ? 2 : 3) rows.push_back(static_cast<std::int32_t>(i));
  return rows;
}

TEST_CASE("ref: attention agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  for (attention_case const& a :
       {attention_case{2, 3, 2, 4}, attention_case{.sets = 1, .tokens = 4, .heads = 1, .width = 3, .scale = 0.3},
        attention_case{.sets = 2, .tokens = 3, .heads = 2, .width = 2, .rows = {0, 4, 5}, .dropout = 0.4},
        attention_case{.sets = 3, .tokens = 3, .heads = 1, .width = 2, .rows = {1, 2, 3, 8}, .lengths = {2, 1, 0}},
        attention_case{.sets = 2, .tokens = 2, .heads = 2, .width = 2, .lengths = {1, 2}, .dropout = 0.2}}) {
    auto const q = testing::random_values(a.queries() * a.c(), 1, -2, 2),
               k = testing::random_values(a.all() * a.c(), 2);
    auto const v = testing::random_values(a.all() * a.c(), 3), dout = testing::random_values(a.queries() * a.c(), 4);
    attention_run<double, scale::ref::context> const run(b, a, q, k, v, dout);
    testing::check_close("out", run.out, formula(a, q, k, v), 1e-13);
    auto const loss = [&](auto const&... at) { return testing::dot(formula(a, at...), dout); };
    testing::check_gradient(
        "dq", [&](auto const& at) { return loss(at, k, v); }, q, run.dq);
    testing::check_gradient(
        "dk", [&](auto const& at) { return loss(q, at, v); }, k, run.dk);
    testing::check_gradient(
        "dv", [&](auto const& at) { return loss(q, k, at); }, v, run.dv);
  }
}

TEST_CASE_TEMPLATE("attention agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (attention_case const& a :
       {attention_case{0, 9, 2, 4}, attention_case{1, 1, 1, 1}, attention_case{7, 9, 3, 32},
        attention_case{2, 65, 2, 16}, attention_case{1, 301, 2, 33}, attention_case{3, 17, 1, 64},
        attention_case{.sets = 2, .tokens = 64, .heads = 3, .width = 64, .scale = 0.7},
        attention_case{.sets = 5, .tokens = 9, .heads = 2, .width = 32, .rows = every_third(45), .dropout = 0.1},
        attention_case{.sets = 4,
        .tokens = 70,
        .heads = 3,
        .width = 7,
        .rows = every_third(280),
        .lengths = {70, 33, 0, 1},
        .dropout = 0.3,
        .scale = 0.2},
        attention_case{.sets = 4, .tokens = 6, .heads = 2, .width = 32, .rows = {13, 14}},
        attention_case{.sets = 1, .tokens = 1568, .heads = 1, .width = 64, .rows = {0, 701, 1567}},
        attention_case{.sets = 3, .tokens = 16, .heads = 2, .width = 32, .lengths = {16, 1, 7}}}) {
    CAPTURE(a.sets);
    CAPTURE(a.tokens);
    CAPTURE(a.width);
    index_t const n = a.queries() * a.c(), all = a.all() * a.c();
    auto const q = testing::random_values<T>(n, 1, -2, 2), k = testing::random_values<T>(all, 2);
    auto const v = testing::random_values<T>(all, 3), dout = testing::random_values<T>(n, 4);
    auto const wide = [](std::vector<T> const& x) { return testing::converted<double>(x); };
    attention_run<double, scale::ref::context> const expected(oracle, a, wide(q), wide(k), wide(v), wide(dout));
    attention_run<T, test_backend> const got(b, a, q, k, v, dout);
    double const allowed = testing::tolerance<T>(a.tokens) + testing::tolerance<T>(a.width);
    testing::check_close("out", got.out, expected.out, allowed);
    testing::check_close("probs", got.probs, expected.probs, allowed);
    if (a.tokens > 1) {
      testing::check_close("dq", got.dq, expected.dq, 2 * allowed);
      testing::check_close("dk", got.dk, expected.dk, 2 * allowed);
    }
    testing::check_close("dv", got.dv, expected.dv, allowed);
    testing::check_same_bits("out without probs", got.out_without_probs, got.out);
  }
}

TEST_CASE("attention of some queries is that of all queries restricted to them") {
  scale::ref::context const b;
  attention_case const all{.sets = 4, .tokens = 5, .heads = 2, .width = 3, .dropout = 0.25};
  attention_case some = all;
  some.rows = every_third(20);
  index_t const c = all.c();
  auto const q = testing::random_values(all.all() * c, 1), k = testing::random_values(all.all() * c, 2);
  auto const v = testing::random_values(all.all() * c, 3);
  std::vector<double> dout(q.size(), 0), some_q, some_dout, out, dq;
  for (std::int32_t const row : some.rows)
    for (index_t j = 0; j < c; ++j) {
      auto const at = static_cast<std::size_t>(row * c + j);
      dout[at] = testing::random_values(all.all() * c, 4)[at];
      some_q.push_back(q[at]), some_dout.push_back(dout[at]);
    }
  attention_run<double, scale::ref::context> const dense(b, all, q, k, v, dout);
  attention_run<double, scale::ref::context> const sparse(b, some, some_q, k, v, some_dout);
  for (std::int32_t const row : some.rows)
    for (index_t j = 0; j < c; ++j) {
      out.push_back(dense.out[static_cast<std::size_t>(row * c + j)]);
      dq.push_back(dense.dq[static_cast<std::size_t>(row * c + j)]);
    }
  testing::check_close("out", sparse.out, out, 1e-13);
  testing::check_close("dq", sparse.dq, dq, 1e-13);
  testing::check_close("dk", sparse.dk, dense.dk, 1e-13);
  testing::check_close("dv", sparse.dv, dense.dv, 1e-13);
}

TEST_CASE_TEMPLATE("attention bears large scores", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  attention_case const a{.sets = 1, .tokens = 3, .heads = 1, .width = 1, .rows = {1}, .scale = 1};
  attention_run<T, test_backend> const run(b, a, {T(1e4)}, {T(1e4), T(1e4), T(-1e4)}, {T(1), T(3), T(100)}, {T(1)});
  testing::check_close("out", run.out, std::vector<double>{2}, testing::tolerance<T>());
}

TEST_CASE_TEMPLATE("attention bears large scores of many tokens", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  attention_case const a{.sets = 1, .tokens = 70, .heads = 1, .width = 1, .scale = 1};
  std::vector<T> const ones(70, T(1));
  std::vector<T> q(70, T(1e4)), k(70, T(-1e4)), v(70, T(100));
  k[3] = k[66] = T(1e4), v[3] = T(1), v[66] = T(3);
  attention_run<T, test_backend> const run(b, a, q, k, v, ones);
  testing::check_close("out", run.out, std::vector<double>(70, 2), testing::tolerance<T>());
}

TEST_CASE("attention refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{6, 4}), out(b, shape{6, 4}), two(b, shape{2, 4});
  auto const forward = [&](index_t heads, index_t tokens, double dropout = 0) {
    scale::attention_forward(b, x, {.k = x, .v = x, .heads = heads, .tokens = tokens, .out = out, .dropout = dropout});
  };
  testing::check_argument_error([&] { forward(3, 3); }, {"attention_forward", "heads", "divisor", "got 3"});
  testing::check_argument_error([&] { forward(2, 4); }, {"k.extent(0)", "multiple of tokens = 4", "got 6"});
  testing::check_argument_error([&] { forward(2, 3, 1); }, {"dropout", "[0, 1)"});
  auto const with = [&](std::vector<std::int32_t> const& rows, std::vector<std::int32_t> const& lengths) {
    auto const r = testing::make_vector(b, rows), l = testing::make_vector(b, lengths);
    scale::attention_forward(b, two, {.k = x, .v = x, .heads = 2, .tokens = 3, .rows = r, .lengths = l, .out = two});
  };
  testing::check_index_error<test_backend>([&] { with({1, 6}, {3, 3}); }, {"rows[1]", "[0, 6)", "got 6"});
  testing::check_index_error<test_backend>([&] { with({3, 3}, {3, 3}); }, {"rows[1]", "above its predecessor 3"});
  testing::check_index_error<test_backend>([&] { with({1, 2}, {3, 4}); }, {"lengths[1]", "[0, 4)", "got 4"});
  testing::check_argument_error([&] { with({1, 2}, {3}); }, {"lengths", "[2]", "[1]"});
  testing::check_argument_error(
      [&] {
        scale::attention_backward(
            b, x, {.k = x, .v = x, .probs = {}, .dout = x, .heads = 2, .tokens = 3, .dq = out, .dk = out, .dv = out});
      },
      {"attention_backward", "probs", "[6, 2, 3]"});
}

}  // namespace
