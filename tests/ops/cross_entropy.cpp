// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/cross_entropy.hpp>
#include <scale/ref/cross_entropy.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct cross_entropy_run {
  std::vector<T> dlogits;
  std::vector<scale::stat_t<T>> loss, lse;

  cross_entropy_run(B const& b, index_t n, index_t classes, std::vector<T> const& x,
                    std::vector<std::int32_t> const& labels, double scale = 1) {
    using stat = scale::stat_t<T>;
    testing::rows<T, B> in(b, n, classes, x), result(b, n, classes);
    auto const label = testing::make_vector(b, labels);
    scale::tensor<stat, 1, B> loss_(b, shape{1}), lse_(b, shape{n});
    scale::cross_entropy_forward(b, in.view(), {.labels = label, .loss = loss_, .lse = lse_});
    scale::cross_entropy_backward(b, in.view(), {.labels = label, .lse = lse_, .scale = scale, .dlogits = result});
    dlogits = result.values(b), loss = testing::values_of(b, loss_), lse = testing::values_of(b, lse_);
    scale::cross_entropy_backward(b, in.view(), {.labels = label, .lse = lse_, .scale = scale, .dlogits = in});
    testing::check_same_bits("dlogits in place of logits", in.values(b), dlogits);
  }
};

TEST_CASE("ref: cross_entropy agrees with its formula and its gradient with differences") {
  scale::ref::context const b;
  auto const x = testing::random_values(4 * 5, 1, -3, 3);
  std::vector<std::int32_t> const labels{4, 0, 2, 2};
  auto const formula = [&](std::vector<double> const& at) {
    double loss = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < 5; ++j) sum += std::exp(at[5 * i + j]);
      loss -= std::log(std::exp(at[5 * i + static_cast<std::size_t>(labels[i])]) / sum) / 4;
    }
    return loss;
  };
  cross_entropy_run<double, scale::ref::context> const run(b, 4, 5, x, labels, 0.7);
  testing::check_close("loss", run.loss, std::vector<double>{formula(x)}, 1e-14);
  testing::check_gradient(
      "dlogits", [&](auto const& at) { return 0.7 * formula(at); }, x, run.dlogits);
}

TEST_CASE_TEMPLATE("cross_entropy agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 7}, {1, 1}, {5, 33}, {1, 101}, {211, 57}}) {
    CAPTURE(n);
    CAPTURE(c);
    auto const x = testing::random_values<T>(n * c, 1, -4, 4);
    auto const labels = testing::random_indices(n, 2, 0, static_cast<std::int32_t>(c));
    cross_entropy_run<double, scale::ref::context> const expected(oracle, n, c, testing::converted<double>(x), labels);
    cross_entropy_run<T, test_backend> const got(b, n, c, x, labels);
    // exp's argument is as large as 8 and is rounded
    using stat = scale::stat_t<T>;
    double const allowed = 8 * testing::unit_roundoff<stat> + testing::tolerance<stat>(c);
    testing::check_close("loss", got.loss, expected.loss, allowed);
    testing::check_close("lse", got.lse, expected.lse, allowed);
    if (c != 1) testing::check_close("dlogits", got.dlogits, expected.dlogits, allowed + testing::storage_rounding<T>);
  }
}

TEST_CASE_TEMPLATE("cross_entropy bears large logits", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  cross_entropy_run<T, test_backend> const run(
      b, 2, 3, testing::converted<T>(std::vector<double>{1e6, 1e6, -1e6, -1e30, -1e30, -1e30}), {1, 2});
  testing::check_close("loss", run.loss, std::vector<double>{(std::log(2.0) + std::log(3.0)) / 2},
                       testing::tolerance<T>());
}

TEST_CASE("cross_entropy refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{2, 3});
  scale::tensor<float, 1, test_backend> loss(b, shape{1}), lse(b, shape{2});
  auto const labels = testing::make_vector(b, std::vector<std::int32_t>{0, 3});
  auto const few = testing::make_vector(b, std::vector<std::int32_t>{0});
  testing::check_index_error<test_backend>(
      [&] { scale::cross_entropy_forward(b, x, {.labels = labels, .loss = loss, .lse = lse}); },
      {"cross_entropy_forward", "labels[1]", "[0, 3)", "got 3"});
  testing::check_argument_error([&] { scale::cross_entropy_forward(b, x, {.labels = few, .loss = loss, .lse = lse}); },
                                {"labels", "[2]", "[1]"});
  testing::check_argument_error(
      [&] { scale::cross_entropy_backward(b, x, {.labels = few, .lse = lse, .scale = 1, .dlogits = x}); },
      {"cross_entropy_backward", "labels"});
}

}  // namespace
