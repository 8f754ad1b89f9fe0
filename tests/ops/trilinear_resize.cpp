// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/trilinear_resize.hpp>
#include <scale/ref/trilinear_resize.hpp>

#include <support/finite_difference.hpp>

#include <algorithm>
#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct resize_run {
  std::vector<T> y, dx;

  resize_run(B const& b, shape<5> const& in, shape<5> const& out, std::vector<T> const& x, std::vector<T> const& dy) {
    auto const from = testing::make_tensor<5>(b, in, x), gradient = testing::make_tensor<5>(b, out, dy);
    scale::tensor<T, 5, B> to(b, out), result(b, in);
    scale::trilinear_resize_forward(b, from, {.y = to});
    scale::trilinear_resize_backward(b, gradient, {.dx = result});
    y = testing::values_of(b, to), dx = testing::values_of(b, result);
  }
};

/// One axis after another: the middle one of [outer, in, inner] becomes `out`.
std::vector<double> resize_axis(std::vector<double> const& x, index_t outer, index_t in, index_t inner, index_t out) {
  std::vector<double> y;
  for (index_t o = 0; o < outer; ++o)
    for (index_t i = 0; i < out; ++i)
      for (index_t k = 0; k < inner; ++k) {
        double const p =
            std::max((static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5, 0.0);
        index_t const low = static_cast<index_t>(std::floor(p)), high = std::min(low + 1, in - 1);
        double const share = p - std::floor(p);
        y.push_back((1 - share) * x[static_cast<std::size_t>((o * in + low) * inner + k)] +
                    share * x[static_cast<std::size_t>((o * in + high) * inner + k)]);
      }
  return y;
}

std::vector<double> formula(shape<5> const& in, shape<5> const& out, std::vector<double> x) {
  index_t const channels = in[0] * in[1];
  x = resize_axis(x, channels, in[2], in[3] * in[4], out[2]);
  x = resize_axis(x, channels * out[2], in[3], in[4], out[3]);
  return resize_axis(x, channels * out[2] * out[3], in[4], 1, out[4]);
}

TEST_CASE("ref: trilinear_resize agrees with its formula and its gradient with differences") {
  scale::ref::context const b;
  for (auto const& [in, out] : {std::pair<shape<5>, shape<5>>{shape{1, 2, 2, 3, 4}, shape{1, 2, 3, 5, 4}},
                                {shape{2, 1, 4, 5, 6}, shape{2, 1, 3, 5, 2}}}) {
    auto const x = testing::random_values(in.size(), 1), dy = testing::random_values(out.size(), 2);
    resize_run<double, scale::ref::context> const run(b, in, out, x, dy);
    testing::check_close("y", run.y, formula(in, out, x), 1e-14);
    auto const loss = [&, in = in, out = out](auto const& at) { return testing::dot(formula(in, out, at), dy); };
    testing::check_gradient("dx", loss, x, run.dx);
  }
}

TEST_CASE_TEMPLATE("trilinear_resize agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (auto const& [in, out] : {std::pair<shape<5>, shape<5>>{shape{1, 1, 1, 1, 1}, shape{1, 1, 3, 2, 5}},
                                {shape{0, 2, 1, 2, 3}, shape{0, 2, 3, 2, 1}},
                                {shape{1, 3, 2, 3, 4}, shape{1, 3, 0, 3, 4}},
                                {shape{1, 67, 8, 14, 14}, shape{1, 67, 8, 16, 16}},
                                {shape{3, 2, 9, 11, 37}, shape{3, 2, 4, 12, 33}}}) {
    auto const x = testing::random_values<T>(in.size(), 1), dy = testing::random_values<T>(out.size(), 2);
    resize_run<double, scale::ref::context> const expected(oracle, in, out, testing::converted<double>(x),
                                                           testing::converted<double>(dy));
    resize_run<T, test_backend> const got(b, in, out, x, dy);
    testing::check_close("y", got.y, expected.y, testing::tolerance<T>(8));
    index_t const taps = 8 * (out.size() / std::max(in.size(), index_t{1}) + 1);  // that read one input, on average
    testing::check_close("dx", got.dx, expected.dx, testing::tolerance<T>(taps));
  }
}

TEST_CASE_TEMPLATE("trilinear_resize to the same size changes nothing", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  auto const x = testing::random_values<T>(2 * 3 * 4 * 5, 1);
  resize_run<T, test_backend> const run(b, shape{1, 2, 3, 4, 5}, shape{1, 2, 3, 4, 5}, x, x);
  testing::check_same_bits("y", run.y, x);
  testing::check_same_bits("dx", run.dx, x);
}

TEST_CASE("trilinear_resize refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 5, test_backend> x(b, shape{1, 2, 3, 4, 5}), y(b, shape{1, 3, 3, 4, 5});
  scale::tensor<float, 5, test_backend> empty(b, shape{1, 2, 0, 4, 5}), one(b, shape{1, 2, 1, 1, 1});
  testing::check_argument_error([&] { scale::trilinear_resize_forward(b, x, {.y = y}); },
                                {"trilinear_resize_forward", "y.extent(1)", "expected 2, got 3"});
  testing::check_argument_error([&] { scale::trilinear_resize_forward(b, empty, {.y = one}); }, {"x", "elements"});
  testing::check_argument_error([&] { scale::trilinear_resize_backward(b, y, {.dx = x}); },
                                {"trilinear_resize_backward", "dx.extent(1)"});
}

}  // namespace
