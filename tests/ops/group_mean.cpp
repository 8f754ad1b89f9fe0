// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/group_mean.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using testing::rows;
using testing::test_backend;

TEST_CASE_TEMPLATE("group_mean averages groups and shares their gradient out", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const n : {0, 1, 9})
    for (index_t const group : {1, 3, 16})
      for (index_t const c : {1, 37}) {
        auto const x = testing::random_values<T>(n * group * c, 1), dy = testing::random_values<T>(n * c, 2);
        std::vector<double> y(dy.size(), 0.0), dx(x.size());
        for (index_t s = 0; s < n * group; ++s)
          for (index_t j = 0; j < c; ++j) {
            auto const at = static_cast<std::size_t>(s * c + j), mean = static_cast<std::size_t>(s / group * c + j);
            y[mean] += static_cast<double>(x[at]) / static_cast<double>(group);
            dx[at] = static_cast<double>(dy[mean]) / static_cast<double>(group);
          }
        rows<T, test_backend> in(b, n * group, c, x), out(b, n, c), gradient(b, n, c, dy), result(b, n * group, c);
        scale::group_mean_forward(b, in.view(), {.group = group, .y = out});
        scale::group_mean_backward(b, gradient.view(), {.group = group, .dx = result});
        testing::check_close("y", out.values(b), y, testing::tolerance<T>(group));
        testing::check_close("dx", result.values(b), dx, testing::tolerance<T>());
      }
}

TEST_CASE("group_mean refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{6, 4}), y(b, scale::shape{2, 4});
  testing::check_argument_error([&] { scale::group_mean_forward(b, x, {.group = 4, .y = y}); },
                                {"group_mean_forward", "multiple of group = 4", "6"});
  testing::check_argument_error([&] { scale::group_mean_forward(b, x, {.group = 0, .y = y}); },
                                {"group", "at least 1"});
  testing::check_argument_error([&] { scale::group_mean_backward(b, y, {.group = 2, .dx = x}); }, {"dx", "[4, 4]"});
}

}  // namespace
