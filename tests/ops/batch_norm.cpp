// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/batch_norm.hpp>
#include <scale/ref/batch_norm.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::batch_norm_mode;
using scale::index_t;
using scale::shape;
using testing::test_backend;

enum class affine { no, yes };

template <class T, class B>
struct batch_norm_run {
  using stat = scale::stat_t<T>;
  std::vector<T> y, dx;
  std::vector<stat> mean, rstd, running_mean, running_var, dgamma, dbeta;

  batch_norm_run(B const& b, shape<3> const& s, batch_norm_mode mode, affine kind, std::vector<T> const& x,
                 std::vector<T> const& gamma, std::vector<T> const& beta, std::vector<T> const& dy,
                 std::vector<stat> const& means, std::vector<stat> const& variances) {
    auto const in = testing::make_tensor<3>(b, s, x), g = testing::make_tensor<3>(b, s, dy);
    auto const gamma_ = testing::make_vector(b, gamma), beta_ = testing::make_vector(b, beta);
    scale::tensor<T, 3, B> y_(b, s), dx_(b, s);
    scale::tensor<stat, 1, B> mean_(b, shape{s[1]}), rstd_(b, shape{s[1]});
    auto running_mean_ = testing::make_vector(b, means), running_var_ = testing::make_vector(b, variances);
    auto dgamma_ = testing::make_vector(b, std::vector<stat>(gamma.size(), stat(2)));
    auto dbeta_ = testing::make_vector(b, std::vector<stat>(gamma.size(), stat(3)));
    scale::batch_norm_forward_args<T, B> forward{.running_mean = running_mean_,
                                                 .running_var = running_var_,
                                                 .mean = mean_,
                                                 .rstd = rstd_,
                                                 .y = y_,
                                                 .mode = mode};
    scale::batch_norm_backward_args<T, B> backward{
        .dy = g, .mean = mean_, .rstd = rstd_, .dx = dx_, .dgamma = dgamma_, .dbeta = dbeta_, .mode = mode};
    if (kind == affine::yes) forward.gamma = backward.gamma = gamma_, forward.beta = beta_;
    scale::batch_norm_forward(b, in, forward);
    scale::batch_norm_backward(b, in, backward);
    y = testing::values_of(b, y_), dx = testing::values_of(b, dx_);
    mean = testing::values_of(b, mean_), rstd = testing::values_of(b, rstd_);
    running_mean = testing::values_of(b, running_mean_), running_var = testing::values_of(b, running_var_);
    dgamma = testing::values_of(b, dgamma_), dbeta = testing::values_of(b, dbeta_);
    for (stat& v : dgamma) v -= stat(2);  // they are added to what is there
    for (stat& v : dbeta) v -= stat(3);
  }
};

TEST_CASE("ref: batch_norm agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  shape const s{3, 2, 4};
  auto const x = testing::random_values(24, 1, 0, 3), dy = testing::random_values(24, 2);
  auto const gamma = testing::random_values(2, 3, 0.5, 2), beta = testing::random_values(2, 4);
  auto const means = testing::random_values(2, 5), variances = testing::random_values(2, 6, 0.5, 2);
  for (batch_norm_mode const mode : {batch_norm_mode::training, batch_norm_mode::inference}) {
    std::vector<double> running_mean(2), running_var(2);
    auto const formula = [&](std::vector<double> const& at, std::vector<double> const& g,
                             std::vector<double> const& o) {
      std::vector<double> y(24);
      for (std::size_t c = 0; c < 2; ++c) {
        double mean = means[c], variance = variances[c];
        if (mode == batch_norm_mode::training) {
          double sum = 0, square = 0;
          for (std::size_t i = 0; i < 12; ++i) sum += at[i / 4 * 8 + c * 4 + i % 4];
          for (std::size_t i = 0; i < 12; ++i) square += std::pow(at[i / 4 * 8 + c * 4 + i % 4] - sum / 12, 2);
          mean = sum / 12, variance = square / 12;
          running_mean[c] = 0.9 * means[c] + 0.1 * mean, running_var[c] = 0.9 * variances[c] + 0.1 * square / 11;
        } else {
          running_mean = means, running_var = variances;
        }
        for (std::size_t i = 0; i < 12; ++i) {
          std::size_t const k = i / 4 * 8 + c * 4 + i % 4;
          y[k] = (at[k] - mean) / std::sqrt(variance + 1e-5) * g[c] + o[c];
        }
      }
      return y;
    };
    batch_norm_run<double, scale::ref::context> const run(b, s, mode, affine::yes, x, gamma, beta, dy, means,
                                                          variances);
    testing::check_close("y", run.y, formula(x, gamma, beta), 1e-13);
    testing::check_close("running_mean", run.running_mean, running_mean, 1e-14);
    testing::check_close("running_var", run.running_var, running_var, 1e-14);
    auto const loss = [&](auto const&... at) { return testing::dot(formula(at...), dy); };
    testing::check_gradient(
        "dx", [&](auto const& at) { return loss(at, gamma, beta); }, x, run.dx);
    testing::check_gradient(
        "dgamma", [&](auto const& at) { return loss(x, at, beta); }, gamma, run.dgamma);
    testing::check_gradient(
        "dbeta", [&](auto const& at) { return loss(x, gamma, at); }, beta, run.dbeta);
  }
}

TEST_CASE_TEMPLATE("batch_norm agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (shape<3> const& s : {shape{2, 1, 1}, shape{0, 3, 2}, shape{7, 45, 1}, shape{3, 5, 37}, shape{211, 33, 1},
                            shape{1, 37, 101}, shape{2, 0, 5}})
    for (batch_norm_mode const mode : {batch_norm_mode::training, batch_norm_mode::inference})
      for (affine const kind : {affine::no, affine::yes}) {
        CAPTURE(to_string(s));
        CAPTURE(static_cast<int>(mode));
        auto const x = testing::random_values<T>(s.size(), 1, -1, 3), dy = testing::random_values<T>(s.size(), 2);
        auto const gamma = testing::random_values<T>(s[1], 3), beta = testing::random_values<T>(s[1], 4);
        using S = scale::stat_t<T>;
        auto const means = testing::random_values<S>(s[1], 5), variances = testing::random_values<S>(s[1], 6, 0.5, 2);
        auto const to = [](auto const& v) { return testing::converted<double>(v); };
        batch_norm_run<double, scale::ref::context> const expected(oracle, s, mode, kind, to(x), to(gamma), to(beta),
                                                                   to(dy), to(means), to(variances));
        batch_norm_run<T, test_backend> const got(b, s, mode, kind, x, gamma, beta, dy, means, variances);
        double const allowed = testing::tolerance<T>(s[0] * s[2]), of_sums = testing::tolerance<S>(s[0] * s[2]);
        testing::check_close("y", got.y, expected.y, allowed);
        testing::check_close("mean", got.mean, expected.mean, of_sums);
        testing::check_close("rstd", got.rstd, expected.rstd, of_sums);
        testing::check_close("running_mean", got.running_mean, expected.running_mean, of_sums);
        testing::check_close("running_var", got.running_var, expected.running_var, of_sums);
        if (s[0] * s[2] > 2) {  // with two values dx is rounding alone
          testing::check_close("dx", got.dx, expected.dx, 2 * allowed);
          testing::check_close("dgamma", got.dgamma, expected.dgamma, 2 * of_sums);
        }
        testing::check_close("dbeta", got.dbeta, expected.dbeta, 4 * of_sums);
      }
}

TEST_CASE("batch_norm refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 3, test_backend> x(b, shape{1, 3, 1}), two(b, shape{2, 3, 1});
  scale::tensor<float, 1, test_backend> c(b, shape{3}), wrong(b, shape{2});
  testing::check_argument_error(
      [&] { scale::batch_norm_forward(b, x, {.mean = c, .rstd = c, .y = x, .mode = batch_norm_mode::training}); },
      {"batch_norm_forward", "more than one value", "[1, 3, 1]"});
  testing::check_argument_error(
      [&] { scale::batch_norm_forward(b, x, {.mean = c, .rstd = c, .y = x, .mode = batch_norm_mode::inference}); },
      {"running_mean"});
  testing::check_argument_error(
      [&] {
        scale::batch_norm_forward(b, two,
                                  {.gamma = wrong, .mean = c, .rstd = c, .y = two, .mode = batch_norm_mode::training});
      },
      {"gamma", "[3]", "[2]"});
  testing::check_argument_error(
      [&] { scale::batch_norm_backward(b, two, {.dy = x, .mean = c, .rstd = c, .mode = batch_norm_mode::training}); },
      {"batch_norm_backward", "dy"});
}

}  // namespace
