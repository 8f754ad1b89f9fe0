// SPDX-License-Identifier: Apache-2.0
// exp, the normal distribution and the reductions of the CPU backend, against double, on every instruction set.
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/square_roots.hpp>
#include <scale/cpu/detail/vector_math.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <limits>
#include <type_traits>

namespace {

using scale::index_t;
namespace detail = scale::cpu::detail;

/// Runs f on each instruction set that this machine has.
template <class F>
void on_every_instruction_set(F const& f) {
  auto const best = detail::best_instruction_set();
  SUBCASE("baseline") { f(); }
  if (best != detail::instruction_set::baseline) {
    SUBCASE("avx2") { detail::call_avx2(f); }
  }
  if (best == detail::instruction_set::avx512) {
    SUBCASE("avx512") { detail::call_avx512(f); }
  }
}

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST_CASE("exp is within 1.1 units in the last place over the whole range") {
  std::vector<float> x;
  for (double v = -104; v < 90; v += 1e-3) x.push_back(static_cast<float>(v));
  for (float const v : {0.0f, -0.0f, 1e-30f, 88.72283f, 88.72284f, -87.3366f, -103.97f, -104.5f, 1e30f, -1e30f})
    x.push_back(v);
  std::vector<float> y(x.size());
  on_every_instruction_set([&x, &y] {
    float const* const in = x.data();
    float* const out = y.data();
    index_t const n = static_cast<index_t>(x.size());
#pragma omp simd
    for (index_t i = 0; i < n; ++i) out[i] = detail::exp(in[i]);
  });
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const exact = std::exp(static_cast<double>(x[i]));
    if (exact > static_cast<double>(std::numeric_limits<float>::max())) {
      CHECK(y[i] >= std::numeric_limits<float>::max());
      continue;
    }
    int exponent = 0;
    std::frexp(exact, &exponent);
    double const unit = std::ldexp(1.0, (std::max)(exponent, -125) - 24);
    worst = (std::max)(worst, std::abs(static_cast<double>(y[i]) - exact) / unit);
  }
  CHECK(worst < 1.1);
}

TEST_CASE("exp at the ends: infinities, NaN, exact 1 at 0") {
  CHECK(detail::exp(0.0f) == 1.0f);
  CHECK(detail::exp(infinity) == infinity);
  CHECK(detail::exp(-infinity) == 0.0f);
  CHECK(std::isnan(detail::exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("exp_of_negative is within 1.1 units in the last place down to -87, and 0 below") {
  std::vector<float> x;
  for (double v = -104; v <= 0; v += 1e-3) x.push_back(static_cast<float>(v));
  for (float const v : {0.0f, -0.0f, -1e-30f, -86.99999f, -87.0f, -87.00001f, -103.97f, -1e30f, -infinity})
    x.push_back(v);
  std::vector<float> y(x.size());
  on_every_instruction_set([&x, &y] {
    float const* const in = x.data();
    float* const out = y.data();
    index_t const n = static_cast<index_t>(x.size());
#pragma omp simd
    for (index_t i = 0; i < n; ++i) out[i] = detail::exp_of_negative(in[i]);
  });
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] < -87.0f) {
      CHECK(y[i] == 0.0f);
      continue;
    }
    double const exact = std::exp(static_cast<double>(x[i]));
    int exponent = 0;
    std::frexp(exact, &exponent);
    worst = (std::max)(worst, std::abs(static_cast<double>(y[i]) - exact) / std::ldexp(1.0, exponent - 24));
  }
  CHECK(worst < 1.1);
  CHECK(detail::exp_of_negative(0.0f) == 1.0f);
  CHECK(std::isnan(detail::exp_of_negative(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("normal has the relative accuracy that it promises") {
  std::vector<float> x;
  for (double v = -14; v < 14; v += 1e-4) x.push_back(static_cast<float>(v));
  std::vector<float> cdf(x.size()), density(x.size());
  on_every_instruction_set([&] {
    float const* const in = x.data();
    float *const out = cdf.data(), *const slope = density.data();
    index_t const n = static_cast<index_t>(x.size());
#pragma omp simd
    for (index_t i = 0; i < n; ++i) {
      detail::normal_value const value = detail::normal(in[i]);
      out[i] = value.cdf;
      slope[i] = value.density;
    }
  });
  double near = 0, middle = 0, absolute = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const v = static_cast<double>(x[i]), exact = std::erfc(-v / std::sqrt(2.0)) / 2;
    double const error = std::abs(static_cast<double>(cdf[i]) - exact) / exact;
    if (v >= -1) near = (std::max)(near, error);
    if (v >= -5) middle = (std::max)(middle, error);
    double const bell = std::exp(-v * v / 2) / std::sqrt(2 * std::acos(-1.0));
    absolute = (std::max)(absolute, std::abs(static_cast<double>(density[i]) - bell));
  }
  CHECK(near < 5e-7);
  CHECK(middle < 8e-7);
  CHECK(absolute < 1e-7);
}

TEST_CASE("sums and maxima do not depend on the instruction set's width, and cover every element") {
  for (index_t const n : {0, 1, 31, 32, 33, 64, 1000}) {
    auto const x = testing::random_values<float>(n, 1), y = testing::random_values<float>(n, 2);
    double sum = 0, dot = 0;
    float largest = -infinity;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += static_cast<double>(x[i]);
      dot += static_cast<double>(x[i]) * static_cast<double>(y[i]);
      largest = (std::max)(largest, x[i]);
    }
    float const got = detail::simd_dispatch([&] { return detail::sum(x.data(), n); });
    float const product = detail::simd_dispatch([&] { return detail::dot(x.data(), y.data(), n); });
    double const allowed = testing::tolerance<float>(n) * (1 + std::sqrt(static_cast<double>(n)));
    CHECK(std::abs(static_cast<double>(got) - sum) <= allowed);
    CHECK(std::abs(static_cast<double>(product) - dot) <= allowed);
    CHECK(detail::simd_dispatch([&] { return detail::largest(x.data(), n); }) == largest);
    CHECK(got == detail::sum(x.data(), n));  // baseline: the same lanes in the same order
  }
}

TEST_CASE("square_roots are those of std::sqrt") {
  auto x = testing::random_values<float>(1003, 1, 0, 1e6);
  std::vector<float> y(x.size());
  detail::square_roots(x.data(), y.data(), 1003);
  for (float& v : x) v = std::sqrt(v);
  testing::check_same_bits("y", y, x);
}

}  // namespace
