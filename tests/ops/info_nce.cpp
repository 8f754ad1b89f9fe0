// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/info_nce.hpp>
#include <scale/ref/info_nce.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct info_nce_run {
  std::vector<T> dq, dkeys;
  std::vector<scale::stat_t<T>> loss, lse;
  std::int32_t correct = 0;

  info_nce_run(B const& b, index_t m, index_t n, index_t c, std::vector<T> const& q, std::vector<T> const& keys,
               std::vector<std::int32_t> const& target, double temperature, double scale = 1) {
    using stat = scale::stat_t<T>;
    testing::rows<T, B> queries(b, m, c, q), all(b, n, c, keys), dq_(b, m, c);
    testing::rows<T, B> dkeys_(b, n, c, std::vector<T>(keys.size(), T(1)));
    auto const targets = testing::make_vector(b, target);
    scale::tensor<stat, 1, B> loss_(b, shape{1}), lse_(b, shape{m});
    scale::tensor<std::int32_t, 1, B> correct_(b, shape{1});
    scale::info_nce_forward(
        b, queries.view(),
        {.keys = all, .target = targets, .temperature = temperature, .lse = lse_, .loss = loss_, .correct = correct_});
    scale::info_nce_backward(b, queries.view(),
                             {.keys = all,
                              .target = targets,
                              .temperature = temperature,
                              .lse = lse_,
                              .scale = scale,
                              .dq = dq_,
                              .dkeys = dkeys_});
    dq = dq_.values(b), dkeys = dkeys_.values(b);
    for (T& value : dkeys) value = T(scale::stat_t<T>(value) - 1);  // it is added to what is there
    loss = testing::values_of(b, loss_), lse = testing::values_of(b, lse_);
    correct = testing::values_of(b, correct_)[0];
  }
};

TEST_CASE("ref: info_nce agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  auto const q = testing::random_values(3 * 4, 1), keys = testing::random_values(5 * 4, 2);
  std::vector<std::int32_t> const target{4, 0, 0};
  auto const formula = [&](std::vector<double> const& a, std::vector<double> const& k) {
    double loss = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      double sum = 0, own = 0;
      for (std::size_t j = 0; j < 5; ++j) {
        double score = 0;
        for (std::size_t l = 0; l < 4; ++l) score += a[4 * i + l] * k[4 * j + l] / 0.2;
        sum += std::exp(score);
        if (static_cast<std::int32_t>(j) == target[i]) own = score;
      }
      loss += (std::log(sum) - own) / 3;
    }
    return loss;
  };
  info_nce_run<double, scale::ref::context> const run(b, 3, 5, 4, q, keys, target, 0.2, 0.3);
  testing::check_close("loss", run.loss, std::vector<double>{formula(q, keys)}, 1e-13);
  testing::check_gradient(
      "dq", [&](auto const& at) { return 0.3 * formula(at, keys); }, q, run.dq);
  testing::check_gradient(
      "dkeys", [&](auto const& at) { return 0.3 * formula(q, at); }, keys, run.dkeys);
}

TEST_CASE_TEMPLATE("info_nce agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  struct size {
    index_t m, n, c;
  };
  for (auto const& [m, n, c] :
       {size{0, 0, 3}, {0, 5, 3}, {1, 1, 1}, {3, 7, 5}, {37, 67, 23}, {141, 521, 9}, {530, 2060, 3}}) {
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(c);
    auto const q = testing::random_values<T>(m * c, 1), keys = testing::random_values<T>(n * c, 2);
    auto const target = testing::random_indices(m, 3, 0, static_cast<std::int32_t>(n));
    auto const wide = [](std::vector<T> const& v) { return testing::converted<double>(v); };
    info_nce_run<double, scale::ref::context> const expected(oracle, m, n, c, wide(q), wide(keys), target, 0.2);
    info_nce_run<T, test_backend> const got(b, m, n, c, q, keys, target, 0.2);
    // exp's argument, a sum of c terms over 0.2, is rounded
    using stat = scale::stat_t<T>;
    double const argument = static_cast<double>(c) / 0.2 * testing::tolerance<stat>(c) / 4;
    testing::check_close("loss", got.loss, expected.loss, testing::tolerance<stat>(n) + argument);
    testing::check_close("lse", got.lse, expected.lse, testing::tolerance<stat>(n) + argument);
    double const slopes = argument + testing::storage_rounding<T>;
    if (n > 1) {
      testing::check_close("dq", got.dq, expected.dq, testing::tolerance<T>(n) + slopes);
      // dkeys was added to 1
      double largest = 0;
      for (double const v : expected.dkeys) largest = std::max(largest, std::abs(v));
      testing::check_close("dkeys", got.dkeys, expected.dkeys,
                           testing::tolerance<T>(m) + slopes + (m == 0 ? 0 : testing::unit_roundoff<T> / largest));
    }
    CHECK(got.correct == expected.correct);
  }
}

TEST_CASE_TEMPLATE("info_nce of chosen queries is the loss of all queries restricted to them", T, double) {
  scale::ref::context const b;
  index_t const n = 40, c = 6;
  auto const q = testing::random_values(n * c, 1), keys = testing::random_values(n * c, 2);
  std::vector<std::int32_t> all, chosen;
  std::vector<double> chosen_q;
  for (std::int32_t i = 0; i < n; ++i) {
    all.push_back(i);
    if (i % 3 != 1) continue;
    chosen.push_back(i);
    for (index_t j = 0; j < c; ++j) chosen_q.push_back(q[static_cast<std::size_t>(i * c + j)]);
  }
  info_nce_run<T, scale::ref::context> const dense(b, n, n, c, q, keys, all, 0.2);
  info_nce_run<T, scale::ref::context> const sparse(b, static_cast<index_t>(chosen.size()), n, c, chosen_q, keys,
                                                    chosen, 0.2);
  std::vector<double> lse, dq;
  double const share = static_cast<double>(n) / static_cast<double>(chosen.size());
  for (std::int32_t const i : chosen) {
    lse.push_back(dense.lse[static_cast<std::size_t>(i)]);
    for (index_t j = 0; j < c; ++j) dq.push_back(share * dense.dq[static_cast<std::size_t>(i * c + j)]);
  }
  testing::check_close("lse", sparse.lse, lse, 1e-13);
  testing::check_close("dq", sparse.dq, dq, 1e-13);
}

TEST_CASE_TEMPLATE("info_nce counts ties for the lower index", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  // All keys are the same: a query is right only where its target is key 0, wherever the other tiles begin
  index_t const m = 30, n = 1100, c = 13;
  std::vector<T> const row = testing::random_values<T>(c, 1);
  std::vector<T> keys;
  for (index_t j = 0; j < n; ++j) keys.insert(keys.end(), row.begin(), row.end());
  std::vector<std::int32_t> target = testing::random_indices(m, 2, 1, static_cast<std::int32_t>(n));
  target[3] = target[17] = 0;
  info_nce_run<T, test_backend> const run(b, m, n, c, testing::random_values<T>(m * c, 3), keys, target, 0.2);
  CHECK(run.correct == 2);
  testing::check_close("loss", run.loss, std::vector<double>{std::log(1100.0)},
                       testing::tolerance<scale::stat_t<T>>(n));
}

TEST_CASE_TEMPLATE("info_nce bears any temperature, and all targets equal", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  // Scores of +-100: unit vectors over 0.01
  auto const q = testing::converted<T>(std::vector<double>{1, 0, 0, 1});
  auto const keys = testing::converted<T>(std::vector<double>{1, 0, -1, 0, 0, 1});
  info_nce_run<T, test_backend> const sharp(b, 2, 3, 2, q, keys, {0, 0}, 0.01);
  testing::check_close("loss", sharp.loss, std::vector<double>{50}, testing::tolerance<scale::stat_t<T>>());
  CHECK(sharp.correct == 1);
  testing::check_close("dq", sharp.dq, std::vector<double>{0, 0, -50, 50}, testing::tolerance<T>());
  info_nce_run<T, test_backend> const sharper(b, 2, 3, 2, q, keys, {1, 2}, 1e-6);
  testing::check_close("loss", sharper.loss, std::vector<double>{1e6}, testing::tolerance<scale::stat_t<T>>());
  info_nce_run<T, test_backend> const flat(b, 2, 3, 2, q, keys, {0, 2}, 1e6);
  testing::check_close("loss", flat.loss, std::vector<double>{std::log(3.0)}, 1e-5);
}

TEST_CASE("info_nce refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> q(b, shape{2, 4}), keys(b, shape{3, 4}), wrong(b, shape{3, 5});
  scale::tensor<float, 1, test_backend> loss(b, shape{1}), lse(b, shape{2});
  scale::tensor<std::int32_t, 1, test_backend> correct(b, shape{1});
  auto const target = testing::make_vector(b, std::vector<std::int32_t>{0, 2});
  auto const outside = testing::make_vector(b, std::vector<std::int32_t>{0, 3});
  auto const forward = [&](auto const& k, auto const& t, double temperature) {
    scale::info_nce_forward(
        b, q, {.keys = k, .target = t, .temperature = temperature, .lse = lse, .loss = loss, .correct = correct});
  };
  testing::check_argument_error([&] { forward(wrong, target, 1); }, {"info_nce_forward", "keys", "[3, 4]", "[3, 5]"});
  testing::check_index_error<test_backend>([&] { forward(keys, outside, 1); }, {"target[1]", "[0, 3)", "got 3"});
  testing::check_argument_error([&] { forward(keys, target, 0); }, {"temperature"});
  testing::check_argument_error(
      [&] {
        scale::info_nce_backward(
            b, q,
            {.keys = keys, .target = target, .temperature = 1, .lse = lse, .scale = 1, .dq = keys, .dkeys = keys});
      },
      {"info_nce_backward", "dq"});
}

}  // namespace
