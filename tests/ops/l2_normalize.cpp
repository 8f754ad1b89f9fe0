// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/l2_normalize.hpp>
#include <scale/ref/l2_normalize.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct l2_run {
  std::vector<T> y, dx;
  std::vector<scale::stat_t<T>> norm;

  l2_run(B const& b, index_t n, index_t c, std::vector<T> const& x, std::vector<T> const& dy, double eps = 1e-12,
         bool in_place = false) {
    testing::rows<T, B> in(b, n, c, x), gradient(b, n, c, dy), out(b, n, c), result(b, n, c);
    scale::tensor<scale::stat_t<T>, 1, B> norms(b, shape{n});
    scale::l2_normalize_forward(b, in.view(), {.y = out, .norm = norms, .eps = eps});
    testing::rows<T, B>& target = in_place ? gradient : result;
    scale::l2_normalize_backward(b, out.view(), {.dy = gradient, .norm = norms, .dx = target, .eps = eps});
    y = out.values(b), dx = target.values(b), norm = testing::values_of(b, norms);
  }
};

TEST_CASE("ref: l2_normalize agrees with its formula and its gradient with differences") {
  scale::ref::context const b;
  auto const x = testing::random_values(3 * 7, 1), dy = testing::random_values(3 * 7, 2);
  auto const formula = [](std::vector<double> const& at, double eps) {
    std::vector<double> y;
    for (std::size_t i = 0; i < 3; ++i) {
      double square = 0;
      for (std::size_t j = 0; j < 7; ++j) square += at[7 * i + j] * at[7 * i + j];
      for (std::size_t j = 0; j < 7; ++j) y.push_back(at[7 * i + j] / std::max(std::sqrt(square), eps));
    }
    return y;
  };
  for (double const eps : {1e-12, 100.0}) {  // with 100 every row is shorter than eps
    l2_run<double, scale::ref::context> const run(b, 3, 7, x, dy, eps);
    testing::check_close("y", run.y, formula(x, eps), 1e-14);
    testing::check_gradient(
        "dx", [&](auto const& at) { return testing::dot(formula(at, eps), dy); }, x, run.dx);
  }
}

TEST_CASE_TEMPLATE("l2_normalize agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 7}, {1, 1}, {5, 33}, {131, 129}, {3, 1001}}) {
    CAPTURE(n);
    CAPTURE(c);
    auto const x = testing::random_values<T>(n * c, 1, -2, 3), dy = testing::random_values<T>(n * c, 2);
    l2_run<double, scale::ref::context> const expected(oracle, n, c, testing::converted<double>(x),
                                                       testing::converted<double>(dy));
    l2_run<T, test_backend> const got(b, n, c, x, dy), shared(b, n, c, x, dy, 1e-12, true);
    testing::check_close("y", got.y, expected.y, testing::tolerance<T>(c));
    testing::check_close("norm", got.norm, expected.norm, testing::tolerance<T>(c));
    if (c != 1) testing::check_close("dx", got.dx, expected.dx, testing::tolerance<T>(c));
    testing::check_same_bits("dx in place of dy", shared.dx, got.dx);
  }
}

TEST_CASE_TEMPLATE("l2_normalize bears zero, tiny and huge rows", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  double const tiny = 0x1p-100, huge = 0x1p101;  // squares beyond float's range
  l2_run<T, test_backend> const run(
      b, 4, 2, testing::converted<T>(std::vector<double>{0, 0, 3 * tiny, 4 * tiny, 3 * huge, 4 * huge, 3, 4}),
      testing::converted<T>(std::vector<double>{1, 2, 1, 2, 1, 2, 1, 2}), 1e-12);
  double const t = tiny * 1e12, h = huge;
  double const allowed = testing::tolerance<T>(2);
  auto const part = [](std::vector<T> const& v, std::size_t row) { return std::vector<T>{v[2 * row], v[2 * row + 1]}; };
  testing::check_close("y of 0", part(run.y, 0), std::vector<double>{0, 0}, 0);
  testing::check_close("dx of 0", part(run.dx, 0), std::vector<double>{0, 0}, 0);
  testing::check_close("y, tiny", part(run.y, 1), std::vector<double>{3 * t, 4 * t}, allowed);
  testing::check_close("dx, tiny", part(run.dx, 1), std::vector<double>{1e12, 2e12}, allowed);
  testing::check_close("y, huge", part(run.y, 2), std::vector<double>{0.6, 0.8}, allowed);
  testing::check_close("dx, huge", part(run.dx, 2), std::vector<double>{-0.32 / 5 / h, 0.24 / 5 / h}, 8 * allowed);
  testing::check_close("norms", run.norm, std::vector<double>{0, 5 * tiny, 5 * h, 5}, allowed);
}

TEST_CASE("l2_normalize refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4}), other(b, shape{4, 3});
  scale::tensor<float, 1, test_backend> norm(b, shape{3}), wrong(b, shape{4});
  testing::check_argument_error([&] { scale::l2_normalize_forward(b, x, {.y = other, .norm = norm}); },
                                {"l2_normalize_forward", "y", "[3, 4]", "[4, 3]"});
  testing::check_argument_error([&] { scale::l2_normalize_forward(b, x, {.y = x, .norm = wrong}); }, {"norm"});
  testing::check_argument_error([&] { scale::l2_normalize_forward(b, x, {.y = x, .norm = norm, .eps = 0}); }, {"eps"});
  testing::check_argument_error([&] { scale::l2_normalize_backward(b, x, {.dy = x, .norm = norm, .dx = {}}); },
                                {"l2_normalize_backward", "dx"});
}

}  // namespace
