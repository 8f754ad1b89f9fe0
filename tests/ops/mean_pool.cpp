// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/mean_pool.hpp>
#include <scale/ref/mean_pool.hpp>

#include <support/compare.hpp>
#include <support/layout.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using scale::shape;
using testing::layout;
using testing::test_backend;

/// Means of n * c runs of `places` numbers.
template <class T>
std::vector<double> means(std::vector<T> const& x, index_t places) {
  std::vector<double> y;
  for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(places)) {
    double sum = 0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(places); ++j) sum += static_cast<double>(x[i + j]);
    y.push_back(sum / static_cast<double>(places));
  }
  return y;
}

TEST_CASE_TEMPLATE("mean_pool of clips agrees with its formula in every layout", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (shape<5> const& s : {shape{2, 5, 3, 4, 3}, shape{1, 1, 1, 1, 1}, shape{0, 4, 2, 2, 2}, shape{3, 131, 2, 7, 5},
                            shape{1, 2, 3, 5, 67}})
    for (layout const l : testing::all_layouts) {
      index_t const places = s[2] * s[3] * s[4];
      auto const x = testing::random_values<T>(s.size(), 1), dy = testing::random_values<T>(s[0] * s[1], 2);
      testing::laid_out<T, 5, test_backend> in(b, s, l, x), dx(b, s, l);
      testing::rows<T, test_backend> y(b, s[0], s[1]), gradient(b, s[0], s[1], dy);
      scale::mean_pool_forward(b, in.view(), {.y = y});
      scale::mean_pool_backward(b, gradient.view(), {.dx = dx});
      testing::check_close("y", y.values(b), means(x, places), testing::tolerance<T>(places));
      std::vector<double> expected;
      for (T const value : dy)
        for (index_t i = 0; i < places; ++i)
          expected.push_back(static_cast<double>(value) / static_cast<double>(places));
      testing::check_close("dx", dx.values(b), expected, testing::tolerance<T>());
    }
}

TEST_CASE_TEMPLATE("mean_pool of images agrees with its formula in every layout", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (layout const l : testing::all_layouts) {
    shape const s{2, 70, 7, 6};
    auto const x = testing::random_values<T>(s.size(), 1);
    testing::laid_out<T, 4, test_backend> in(b, s, l, x);
    testing::rows<T, test_backend> y(b, 2, 70);
    scale::mean_pool_forward(b, in.view(), {.y = y});
    testing::check_close("y", y.values(b), means(x, 42), testing::tolerance<T>(42));
  }
}

TEST_CASE("mean_pool refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 5, test_backend> x(b, shape{2, 3, 1, 2, 2}), empty(b, shape{2, 3, 0, 2, 2});
  scale::tensor<float, 2, test_backend> y(b, shape{2, 3}), wrong(b, shape{3, 2});
  testing::check_argument_error([&] { scale::mean_pool_forward(b, x, {.y = wrong}); },
                                {"mean_pool_forward", "y", "[2, 3]", "[3, 2]"});
  testing::check_argument_error([&] { scale::mean_pool_forward(b, empty, {.y = y}); }, {"at least one place"});
  testing::check_argument_error([&] { scale::mean_pool_backward(b, wrong, {.dx = x}); },
                                {"mean_pool_backward", "dx.extent(0)"});
}

}  // namespace
