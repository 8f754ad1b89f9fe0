// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/adamw.hpp>
#include <scale/ref/adamw.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <concepts>

namespace {

using scale::index_t;
using testing::test_backend;

TEST_CASE_TEMPLATE("adamw_step follows its formula over several steps", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const n : {0, 1, 5, 1027, 40001}) {
    double const lr = 1e-2, beta1 = 0.85, beta2 = 0.97, eps = 1e-8, decay = 0.05;
    using acc = scale::acc_t<T>;
    auto const start = testing::random_values<acc>(n, 1);
    auto param = testing::make_vector(b, start);
    auto m = testing::make_vector(b, std::vector<acc>(start.size(), acc(0)));
    auto v = testing::make_vector(b, std::vector<acc>(start.size(), acc(0)));
    auto rounded = testing::make_vector(b, std::vector<T>(start.size(), T(acc(7))));
    auto w = testing::converted<double>(start);
    std::vector<double> first(w.size(), 0.0), second(w.size(), 0.0);
    for (int step = 1; step <= 4; ++step) {
      auto const gradient = testing::random_values<acc>(n, static_cast<std::uint32_t>(1 + step));
      for (std::size_t i = 0; i < w.size(); ++i) {
        double const g = static_cast<double>(gradient[i]);
        w[i] *= 1 - lr * decay;
        first[i] = beta1 * first[i] + (1 - beta1) * g;
        second[i] = beta2 * second[i] + (1 - beta2) * g * g;
        double const m_hat = first[i] / (1 - std::pow(beta1, step)), v_hat = second[i] / (1 - std::pow(beta2, step));
        w[i] -= lr * m_hat / (std::sqrt(v_hat) + eps);
      }
      auto const g = testing::make_vector(b, gradient);
      scale::adamw_step(b, g,
                        scale::adamw_args<T, test_backend>{.param = param,
                                                           .m = m,
                                                           .v = v,
                                                           .rounded = rounded,
                                                           .lr = lr,
                                                           .beta1 = beta1,
                                                           .beta2 = beta2,
                                                           .eps = eps,
                                                           .weight_decay = decay,
                                                           .step = step});
      auto const result = testing::values_of(b, param);
      testing::check_close("param", result, w, testing::tolerance<acc>(step));
      testing::check_close("m", testing::values_of(b, m), first, testing::tolerance<acc>(step));
      testing::check_close("v", testing::values_of(b, v), second, testing::tolerance<acc>(step));
      testing::check_same_bits("rounded", testing::values_of(b, rounded), testing::converted<T>(result));
    }
  }
}

TEST_CASE("adamw_step leaves a parameter without gradient to its decay alone") {
  test_backend const b = testing::make_backend();
  auto param = testing::make_vector(b, std::vector<float>{2, -4}),
       m = testing::make_vector(b, std::vector<float>{0, 0});
  auto v = testing::make_vector(b, std::vector<float>{0, 0});
  auto const gradient = testing::make_vector(b, std::vector<float>{0, 0});
  scale::adamw_step(b, gradient, {.param = param, .m = m, .v = v, .lr = 0.5, .weight_decay = 0.5, .step = 1});
  CHECK(testing::values_of(b, param) == std::vector<float>{1.5f, -3.0f});
}

TEST_CASE("adamw_step refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 1, test_backend> p(b, scale::shape{3}), m(b, scale::shape{3}), v(b, scale::shape{4});
  testing::check_argument_error([&] { scale::adamw_step(b, p, {.param = p, .m = m, .v = v, .lr = 1, .step = 1}); },
                                {"adamw_step", "v", "[3]", "[4]"});
  testing::check_argument_error([&] { scale::adamw_step(b, p, {.param = p, .m = m, .v = m, .lr = 1}); },
                                {"step", "at least 1", "0"});
  testing::check_argument_error(
      [&] { scale::adamw_step(b, p, {.param = p, .m = m, .v = m, .lr = 1, .beta1 = 1, .step = 1}); },
      {"beta1", "[0, 1)"});
}

}  // namespace
