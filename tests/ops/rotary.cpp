// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/rotary.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <complex>

namespace {

using scale::index_t;
using scale::shape;
using testing::rows;
using testing::test_backend;

TEST_CASE_TEMPLATE("rotary agrees with its formula, in place too", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  struct sizes {
    index_t n, heads, width, gap;
  };
  for (sizes const s :
       {sizes{0, 2, 4, 3}, sizes{1, 1, 2, 3}, sizes{5, 3, 6, 3}, sizes{300, 4, 64, 3}, sizes{7, 3, 16, 8}}) {
    CAPTURE(s.n);
    index_t const c = s.heads * s.width;
    auto const x = testing::random_values<T>(s.n * c, 1);
    auto const cosine = testing::random_values<T>(s.n * s.width, 2), sine = testing::random_values<T>(s.n * s.width, 3);
    std::vector<double> expected;
    for (index_t i = 0; i < s.n; ++i)
      for (index_t k = 0; k < c; ++k) {
        auto const at = static_cast<std::size_t>(i * c + k),
                   table = static_cast<std::size_t>(i * s.width + k % s.width);
        double const partner = k % 2 == 0 ? -static_cast<double>(x[at + 1]) : static_cast<double>(x[at - 1]);
        expected.push_back(static_cast<double>(x[at]) * static_cast<double>(cosine[table]) +
                           partner * static_cast<double>(sine[table]));
      }
    rows<T, test_backend> in(b, s.n, c, x, s.gap), out(b, s.n, c, s.gap);
    auto const cosines = testing::make_tensor<2>(b, shape{s.n, s.width}, cosine);
    auto const sines = testing::make_tensor<2>(b, shape{s.n, s.width}, sine);
    scale::rotary(b, in.view(), {.cosine = cosines, .sine = sines, .y = out});
    testing::check_close("y", out.values(b), expected, testing::tolerance<T>(2));
    scale::rotary(b, in.view(), {.cosine = cosines, .sine = sines, .y = in});
    testing::check_same_bits("y in place", in.values(b), out.values(b));
  }
}

TEST_CASE("rotary turns a pair as a product of complex numbers does, where both angles are one") {
  scale::ref::context const b;
  std::vector<double> const angle = {0.3, -2, 1e3};
  std::vector<double> cosine, sine;
  for (double const a : angle)
    for (int d = 0; d < 2; ++d) cosine.push_back(std::cos(a)), sine.push_back(std::sin(a));
  auto const x = testing::random_values(6, 4);
  rows<double, scale::ref::context> y(b, 3, 2, x);
  auto const cosines = testing::make_tensor<2>(b, shape{3, 2}, cosine),
             sines = testing::make_tensor<2>(b, shape{3, 2}, sine);
  scale::rotary(b, y.view(), {.cosine = cosines, .sine = sines, .y = y});
  std::vector<double> expected;
  for (std::size_t i = 0; i < 3; ++i) {
    std::complex<double> const turned = std::complex(x[2 * i], x[2 * i + 1]) * std::polar(1.0, angle[i]);
    expected.push_back(turned.real()), expected.push_back(turned.imag());
  }
  testing::check_close("y", y.values(b), expected, 1e-15);
}

TEST_CASE("rotary refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 12}), three(b, shape{3, 3}), eight(b, shape{3, 8});
  scale::tensor<float, 2, test_backend> four(b, shape{3, 4}), few(b, shape{2, 4});
  testing::check_argument_error([&] { scale::rotary(b, x, {.cosine = three, .sine = three, .y = x}); },
                                {"rotary", "cosine.extent(1)", "even divisor", "got 3"});
  testing::check_argument_error([&] { scale::rotary(b, x, {.cosine = eight, .sine = eight, .y = x}); }, {"got 8"});
  testing::check_argument_error([&] { scale::rotary(b, x, {.cosine = four, .sine = few, .y = x}); },
                                {"sine", "[3, 4]", "[2, 4]"});
  testing::check_argument_error([&] { scale::rotary(b, x, {.cosine = four, .sine = four, .y = four}); },
                                {"y shape", "[3, 12]"});
}

}  // namespace
