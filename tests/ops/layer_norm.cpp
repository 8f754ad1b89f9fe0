// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/layer_norm.hpp>
#include <scale/ref/layer_norm.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using scale::write_mode;
using testing::test_backend;

/// Everything of one layer norm, forward and backward, on backend B.
template <class T, class B>
struct layer_norm_run {
  std::vector<T> y, dx;
  std::vector<scale::stat_t<T>> mean, rstd;
  std::vector<scale::acc_t<T>> dgamma, dbeta;

  layer_norm_run(B const& b, index_t n, index_t c, std::vector<T> const& x, std::vector<T> const& gamma,
                 std::vector<T> const& beta, std::vector<T> const& dy, write_mode mode = write_mode::assign,
                 bool in_place = false) {
    using stat = scale::stat_t<T>;
    testing::rows<T, B> in(b, n, c, x), out(b, n, c), gradient(b, n, c, dy), result(b, n, c);
    auto const g = testing::make_vector(b, gamma), o = testing::make_vector(b, beta);
    scale::tensor<stat, 1, B> mean_(b, shape{n}), rstd_(b, shape{n});
    auto dgamma_ = testing::make_vector(b, std::vector<stat>(gamma.size(), stat(2)));
    auto dbeta_ = testing::make_vector(b, std::vector<stat>(gamma.size(), stat(3)));
    scale::layer_norm_forward(b, in.view(), {.gamma = g, .beta = o, .y = out, .mean = mean_, .rstd = rstd_});
    testing::rows<T, B>& target = in_place ? gradient : result;
    scale::layer_norm_backward(b, in.view(),
                               {.dy = gradient,
                                .gamma = g,
                                .mean = mean_,
                                .rstd = rstd_,
                                .dx = target,
                                .dgamma = dgamma_,
                                .dbeta = dbeta_,
                                .dx_mode = mode});
    y = out.values(b), dx = target.values(b);
    mean = testing::values_of(b, mean_), rstd = testing::values_of(b, rstd_);
    dgamma = testing::values_of(b, dgamma_), dbeta = testing::values_of(b, dbeta_);
  }
};

TEST_CASE("ref: layer_norm agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  index_t const n = 3, c = 5;
  std::vector<double> const x = testing::random_values(n * c, 1, 0, 3), dy = testing::random_values(n * c, 2);
  std::vector<double> const gamma = testing::random_values(c, 3), beta = testing::random_values(c, 4);
  auto const formula = [&](std::vector<double> const& x_, std::vector<double> const& g, std::vector<double> const& o) {
    std::vector<double> y;
    for (std::size_t i = 0; i < 3; ++i) {
      double mean = 0, square = 0;
      for (std::size_t j = 0; j < 5; ++j) mean += x_[i * 5 + j] / 5, square += x_[i * 5 + j] * x_[i * 5 + j] / 5;
      for (std::size_t j = 0; j < 5; ++j)
        y.push_back((x_[i * 5 + j] - mean) / std::sqrt(square - mean * mean + 1e-5) * g[j] + o[j]);
    }
    return y;
  };
  layer_norm_run<double, scale::ref::context> const run(b, n, c, x, gamma, beta, dy);
  testing::check_close("y", run.y, formula(x, gamma, beta), 1e-12);
  auto const loss = [&](auto const&... at) { return testing::dot(formula(at...), dy); };
  testing::check_gradient(
      "dx", [&](auto const& at) { return loss(at, gamma, beta); }, x, run.dx);
  std::vector<double> dgamma = run.dgamma, dbeta = run.dbeta;
  for (double& v : dgamma) v -= 2;
  for (double& v : dbeta) v -= 3;
  testing::check_gradient(
      "dgamma", [&](auto const& at) { return loss(x, at, beta); }, gamma, dgamma);
  testing::check_gradient(
      "dbeta", [&](auto const& at) { return loss(x, gamma, at); }, beta, dbeta);
}

TEST_CASE_TEMPLATE("layer_norm agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 7}, {1, 1}, {1, 9}, {5, 33}, {67, 129}, {1101, 23}}) {
    CAPTURE(n);
    CAPTURE(c);
    auto const x = testing::random_values(n * c, 1, -1, 3), dy = testing::random_values(n * c, 2);
    auto const gamma = testing::random_values(c, 3), beta = testing::random_values(c, 4);
    auto const to = [](std::vector<double> const& v) { return testing::converted<T>(v); };
    auto const back = [&](std::vector<double> const& v) { return testing::converted<double>(to(v)); };
    for (write_mode const mode : {write_mode::assign, write_mode::accumulate}) {
      layer_norm_run<double, scale::ref::context> const expected(oracle, n, c, back(x), back(gamma), back(beta),
                                                                 back(dy), mode);
      layer_norm_run<T, test_backend> const got(b, n, c, to(x), to(gamma), to(beta), to(dy), mode);
      testing::check_close("y", got.y, expected.y, testing::tolerance<T>(c));
      testing::check_close("mean", got.mean, expected.mean, testing::tolerance<T>(c));
      testing::check_close("rstd", got.rstd, expected.rstd, testing::tolerance<T>(c));
      // with one column xhat is rounding alone, times rstd = 316
      double const steep = c == 1 ? 1 / std::sqrt(1e-5) : 1;
      testing::check_close("dx", got.dx, expected.dx, steep * testing::tolerance<T>(c));
      testing::check_close("dgamma", got.dgamma, expected.dgamma, steep * testing::tolerance<T>(n));
      testing::check_close("dbeta", got.dbeta, expected.dbeta, testing::tolerance<T>(n));
    }
    layer_norm_run<T, test_backend> const apart(b, n, c, to(x), to(gamma), to(beta), to(dy));
    layer_norm_run<T, test_backend> const shared(b, n, c, to(x), to(gamma), to(beta), to(dy), write_mode::assign, true);
    testing::check_same_bits("dx in place of dy", shared.dx, apart.dx);
  }
}

TEST_CASE("layer_norm refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4}), y(b, shape{3, 4});
  scale::tensor<float, 1, test_backend> c(b, shape{4}), wrong(b, shape{5}), n(b, shape{3});
  testing::check_argument_error(
      [&] { scale::layer_norm_forward(b, x, {.gamma = wrong, .beta = c, .y = y, .mean = n, .rstd = n}); },
      {"layer_norm_forward", "gamma", "[4]", "[5]"});
  testing::check_argument_error(
      [&] { scale::layer_norm_forward(b, x, {.gamma = c, .beta = c, .y = y, .mean = {}, .rstd = n}); }, {"mean"});
}

}  // namespace
