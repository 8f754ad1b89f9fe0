// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/projection_head.hpp>
#include <scale/ref.hpp>

#include <support/finite_difference.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;
using values = std::vector<double>;

constexpr index_t rows = 5;

/// Values of a head's parameters: one matrix per layer, of widths[i + 1] rows.
std::vector<values> head_weights(std::vector<index_t> const& widths) {
  std::vector<values> weights;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    weights.push_back(testing::random_values(widths[i] * widths[i + 1], std::uint32_t(10 + i)));
  return weights;
}

/// The formula: linear layers without bias, exact GELU between them.
values head_formula(std::vector<index_t> const& widths, std::vector<values> const& weights, values x) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto const in = std::size_t(widths[i]), out = std::size_t(widths[i + 1]);
    values y(std::size_t(rows) * out, 0.0);
    for (std::size_t n = 0; n < std::size_t(rows); ++n)
      for (std::size_t o = 0; o < out; ++o) {
        double sum = 0;
        for (std::size_t k = 0; k < in; ++k) sum += weights[i][o * in + k] * x[n * in + k];
        y[n * out + o] = i + 1 < weights.size() ? sum * std::erfc(-sum / std::sqrt(2.0)) / 2 : sum;
      }
    x = y;
  }
  return x;
}

struct head_result {
  values y, dx;
  std::vector<values> dweights;
};

template <class T, class B>
head_result run_head(B const& b, std::vector<index_t> const& widths, std::vector<values> const& weights,
                     values const& x, values const& dy, scale::head_activation activation) {
  std::vector<scale::parameter_spec> specs;
  for (std::size_t i = 0; i < weights.size(); ++i)
    scale::add_linear(specs, "head." + std::to_string(2 * i), widths[i + 1], widths[i], scale::linear_bias::absent);
  scale::parameters<T, B> p(b, scale::parameter_table(specs));
  p.require_gradients(b);
  for (std::size_t i = 0; i < weights.size(); ++i)
    p.write(b, specs[i].name, testing::converted<scale::acc_t<T>>(weights[i]));
  scale::projection_head const head(p.table(), "head");
  auto state = head.make_state<T, B>();
  scale::arena<B> planned;
  head.take_pre(planned, state, rows);
  head.take_act(planned, state, rows);
  scale::arena<B> memory(b, planned.peak());
  head.take_pre(memory, state, rows);
  head.take_act(memory, state, rows);
  auto const in = testing::make_tensor<2>(b, shape{rows, widths.front()}, testing::converted<T>(x));
  auto const gradient = testing::make_tensor<2>(b, shape{rows, widths.back()}, testing::converted<T>(dy));
  scale::tensor<T, 2, B> y(b, shape{rows, widths.back()}), dx(b, shape{rows, widths.front()});
  head.forward(b, p, state, in.view(), y.view(), activation);
  if (activation == scale::head_activation::goes) {
    scale::fill(b, state.act, 7);
    head.recompute(b, state);
  }
  head.backward(b, p, state, in.view(), gradient.view(), dx.view());
  head_result result{
      testing::converted<double>(testing::values_of(b, y)), testing::converted<double>(testing::values_of(b, dx)), {}};
  for (scale::parameter_spec const& spec : specs)
    result.dweights.push_back(testing::converted<double>(p.read_gradient(b, spec.name)));
  return result;
}

std::vector<std::vector<index_t>> const heads = {{4, 6, 3}, {4, 9, 5, 3}, {4, 5, 9, 7, 3}};

TEST_CASE("ref: a projection head's gradients agree with differences, whatever its hidden widths") {
  scale::ref::context const b;
  for (std::vector<index_t> const& widths : heads) {
    CAPTURE(widths.size());
    std::vector<values> const weights = head_weights(widths);
    values const x = testing::random_values(rows * widths.front(), 1);
    values const dy = testing::random_values(rows * widths.back(), 2);
    head_result const got = run_head<double>(b, widths, weights, x, dy, scale::head_activation::stays);
    testing::check_close("y", got.y, head_formula(widths, weights, x), 1e-12);
    testing::check_gradient(
        "dx", [&](values const& at) { return testing::dot(head_formula(widths, weights, at), dy); }, x, got.dx);
    for (std::size_t i = 0; i < weights.size(); ++i)
      testing::check_gradient(
          "dweight",
          [&](values const& at) {
            std::vector<values> moved = weights;
            moved[i] = at;
            return testing::dot(head_formula(widths, moved, x), dy);
          },
          weights[i], got.dweights[i]);
  }
}

TEST_CASE_TEMPLATE("a projection head whose activation went gives the same bits", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (std::vector<index_t> const& widths : heads) {
    CAPTURE(widths.size());
    std::vector<values> const weights = head_weights(widths);
    values const x = testing::random_values(rows * widths.front(), 1);
    values const dy = testing::random_values(rows * widths.back(), 2);
    head_result const stayed = run_head<T>(b, widths, weights, x, dy, scale::head_activation::stays);
    head_result const went = run_head<T>(b, widths, weights, x, dy, scale::head_activation::goes);
    testing::check_same_bits("y", went.y, stayed.y);
    testing::check_same_bits("dx", went.dx, stayed.dx);
    for (std::size_t i = 0; i < weights.size(); ++i)
      testing::check_same_bits("dweight", went.dweights[i], stayed.dweights[i]);
  }
}

}  // namespace
