// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/gather_rows.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using testing::rows;
using testing::test_backend;

struct sizes {
  index_t n, m, c;
};

TEST_CASE_TEMPLATE("gather_rows picks rows, and adds gradients back, duplicates included", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (sizes const s : {sizes{3, 0, 4}, sizes{1, 1, 1}, sizes{7, 20, 33}, sizes{5, 900, 130}}) {
    auto const x = testing::random_values<T>(s.n * s.c, 1), dy = testing::random_values<T>(s.m * s.c, 2);
    auto const dx0 = testing::random_values<T>(s.n * s.c, 3);
    auto const index = testing::random_indices(s.m, 4, 0, static_cast<std::int32_t>(s.n));
    std::vector<T> y(dy.size()), dx = dx0;
    for (index_t r = 0; r < s.m; ++r)
      for (index_t j = 0; j < s.c; ++j) {
        auto const from = static_cast<std::size_t>(index[static_cast<std::size_t>(r)] * s.c + j);
        auto const to = static_cast<std::size_t>(r * s.c + j);
        y[to] = x[from];
        dx[from] = T(scale::stat_t<T>(dx[from]) + scale::stat_t<T>(dy[to]));
      }
    auto const picked = testing::make_vector(b, index);
    rows<T, test_backend> in(b, s.n, s.c, x), out(b, s.m, s.c), gradient(b, s.m, s.c, dy), sum(b, s.n, s.c, dx0);
    scale::gather_rows_forward(b, in.view(), {.index = picked, .y = out});
    testing::check_same_bits("y", out.values(b), y);
    scale::gather_rows_backward(b, gradient.view(), {.index = picked, .dx = sum});
    testing::check_same_bits("dx", sum.values(b), dx);  // the order of the sum is part of the contract
  }
}

TEST_CASE("gather_rows refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), y(b, scale::shape{2, 4});
  auto const high = testing::make_vector(b, std::vector<std::int32_t>{0, 3});
  auto const low = testing::make_vector(b, std::vector<std::int32_t>{-1, 2});
  testing::check_index_error<test_backend>([&] { scale::gather_rows_forward(b, x, {.index = high, .y = y}); },
                                           {"gather_rows_forward", "index[1]", "[0, 3)", "3"});
  testing::check_index_error<test_backend>([&] { scale::gather_rows_backward(b, y, {.index = low, .dx = x}); },
                                           {"gather_rows_backward", "index[0]", "-1"});
  testing::check_argument_error([&] { scale::gather_rows_forward(b, x, {.index = low, .y = x}); }, {"y", "[2, 4]"});
}

}  // namespace
