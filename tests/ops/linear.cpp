// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/linear.hpp>
#include <scale/ref/linear.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::activation;
using scale::index_t;
using scale::shape;
using scale::write_mode;
using testing::rows;
using testing::test_backend;

struct sizes {
  index_t n, i, o;
};

double apply(activation act, double v) {
  switch (act) {
    case activation::none: return v;
    case activation::relu: return v > 0 ? v : 0;
    case activation::relu6: return v > 6 ? 6 : v > 0 ? v : 0;
    case activation::gelu: return v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
  }
  return 0;
}

TEST_CASE_TEMPLATE("linear agrees with its formula, forward and backward", T, SCALE_TEST_TYPES) {
  using acc = scale::acc_t<T>;
  test_backend const b = testing::make_backend();
  for (sizes const s : {sizes{0, 3, 4}, sizes{1, 1, 1}, sizes{9, 31, 17}, sizes{150, 23, 129}, sizes{3, 300, 2}}) {
    CAPTURE(s.n);
    CAPTURE(s.i);
    CAPTURE(s.o);
    auto const x = testing::random_values<T>(s.n * s.i, 1), w = testing::random_values<T>(s.o * s.i, 2);
    auto const bias = testing::random_values<T>(s.o, 3), dy = testing::random_values<T>(s.n * s.o, 4);
    auto const dx0 = testing::random_values<T>(s.n * s.i, 5);
    auto const dw0 = testing::random_values<acc>(s.o * s.i, 6), db0 = testing::random_values<acc>(s.o, 7);
    std::vector<double> product(dy.size(), 0.0), dx(x.size(), 0.0), dw = testing::converted<double>(dw0);
    std::vector<double> db = testing::converted<double>(db0);
    for (index_t r = 0; r < s.n; ++r)
      for (index_t o = 0; o < s.o; ++o) {
        auto const at = static_cast<std::size_t>(r * s.o + o);
        db[static_cast<std::size_t>(o)] += static_cast<double>(dy[at]);
        for (index_t i = 0; i < s.i; ++i) {
          auto const xi = static_cast<std::size_t>(r * s.i + i), wi = static_cast<std::size_t>(o * s.i + i);
          product[at] += static_cast<double>(x[xi]) * static_cast<double>(w[wi]);
          dx[xi] += static_cast<double>(dy[at]) * static_cast<double>(w[wi]);
          dw[wi] += static_cast<double>(dy[at]) * static_cast<double>(x[xi]);
        }
      }

    rows<T, test_backend> in(b, s.n, s.i, x), gradient(b, s.n, s.o, dy);
    auto const weight = testing::make_tensor<2>(b, shape{s.o, s.i}, w);
    auto const offset = testing::make_vector(b, bias);
    for (bool const with_bias : {false, true})
      for (activation const act : {activation::none, activation::relu, activation::gelu}) {
        std::vector<double> pre = product, y;
        for (std::size_t at = 0; at < pre.size(); ++at) {
          if (with_bias) pre[at] += static_cast<double>(bias[at % static_cast<std::size_t>(s.o)]);
          y.push_back(apply(act, pre[at]));
        }
        scale::tensor_view<T const, 1, test_backend> given;
        if (with_bias) given = offset;
        rows<T, test_backend> out(b, s.n, s.o), sum(b, s.n, s.o), alone(b, s.n, s.o, 0);
        scale::linear_forward(b, in.view(), {.weight = weight, .bias = given, .y = out, .act = act, .pre = sum});
        // an activation may be that of the rounded sum; GELU's slope is at most 1.13
        double const rounded_sum = act == activation::none ? 0 : 1.13 * testing::storage_rounding<T>;
        testing::check_close("y beside pre", out.values(b), y, testing::tolerance<T>(s.i) + rounded_sum);
        testing::check_close("pre", sum.values(b), pre, testing::tolerance<T>(s.i));
        scale::linear_forward(b, in.view(), {.weight = weight, .bias = given, .y = alone, .act = act});
        testing::check_close("y alone", alone.values(b), y, testing::tolerance<T>(s.i) + rounded_sum);
      }

    rows<T, test_backend> result(b, s.n, s.i), added(b, s.n, s.i, dx0);
    auto dweight = testing::make_tensor<2>(b, shape{s.o, s.i}, dw0);
    auto dbias = testing::make_vector(b, db0);
    scale::linear_backward(b, in.view(),
                           {.dy = gradient, .weight = weight, .dx = result, .dweight = dweight, .dbias = dbias});
    testing::check_close("dx", result.values(b), dx, testing::tolerance<T>(s.o));
    testing::check_close("dweight", testing::values_of(b, dweight), dw, testing::tolerance<scale::stat_t<T>>(s.n + 1));
    testing::check_close("dbias", testing::values_of(b, dbias), db, testing::tolerance<scale::stat_t<T>>(s.n + 1));

    scale::linear_backward(b, in.view(),
                           {.dy = gradient, .weight = weight, .dx = added, .dx_mode = write_mode::accumulate});
    for (std::size_t at = 0; at < dx.size(); ++at) dx[at] += static_cast<double>(dx0[at]);
    testing::check_close("dx +=", added.values(b), dx, testing::tolerance<T>(s.o + 1));
    scale::linear_backward(b, in.view(), {.dy = gradient, .weight = {}});  // nothing asked for, nothing done
  }
}

TEST_CASE("linear's gradients agree with differences") {
  using context = scale::ref::context;
  context const b;
  index_t const n = 4, i = 3, o = 5;
  auto const x = testing::random_values(n * i, 1), w = testing::random_values(o * i, 2);
  auto const bias = testing::random_values(o, 3), dy = testing::random_values(n * o, 4);
  auto const loss = [&](std::vector<double> const& x_, std::vector<double> const& w_, std::vector<double> const& b_) {
    rows<double, context> in(b, n, i, x_), out(b, n, o);
    auto const weight = testing::make_tensor<2>(b, shape{o, i}, w_);
    auto const offset = testing::make_vector(b, b_);
    scale::linear_forward(b, in.view(), {.weight = weight, .bias = offset, .y = out});
    return testing::dot(out.values(b), dy);
  };
  rows<double, context> in(b, n, i, x), gradient(b, n, o, dy), dx(b, n, i);
  auto const weight = testing::make_tensor<2>(b, shape{o, i}, w);
  auto dweight = testing::make_tensor<2>(b, shape{o, i}, std::vector<double>(w.size(), 0.0));
  auto dbias = testing::make_vector(b, std::vector<double>(bias.size(), 0.0));
  scale::linear_backward(b, in.view(),
                         {.dy = gradient, .weight = weight, .dx = dx, .dweight = dweight, .dbias = dbias});
  testing::check_gradient(
      "dx", [&](auto const& at) { return loss(at, w, bias); }, x, dx.values(b));
  testing::check_gradient(
      "dweight", [&](auto const& at) { return loss(x, at, bias); }, w, testing::values_of(b, dweight));
  testing::check_gradient(
      "dbias", [&](auto const& at) { return loss(x, w, at); }, bias, testing::values_of(b, dbias));
}

TEST_CASE("linear refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4}), w(b, shape{5, 4}), y(b, shape{3, 5});
  scale::tensor<float, 1, test_backend> bias(b, shape{4});
  testing::check_argument_error([&] { scale::linear_forward(b, x, {.weight = y, .y = y}); },
                                {"linear_forward", "weight", "[3, 4]", "[3, 5]"});
  testing::check_argument_error([&] { scale::linear_forward(b, x, {.weight = w, .bias = bias, .y = y}); },
                                {"bias", "[5]", "[4]"});
  testing::check_argument_error([&] { scale::linear_forward(b, x, {.weight = w, .y = y, .act = activation::relu6}); },
                                {"act", "relu6"});
  testing::check_argument_error([&] { scale::linear_backward(b, x, {.dy = y, .weight = {}, .dx = x}); },
                                {"linear_backward", "weight"});
}

}  // namespace
