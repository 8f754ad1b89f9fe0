// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/matmul.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using scale::transpose;
using scale::write_mode;
using testing::test_backend;

struct sizes {
  index_t m, k, n;
};

TEST_CASE_TEMPLATE("matmul multiplies, however its operands lie", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (sizes const s : {sizes{0, 3, 4}, sizes{3, 4, 0}, sizes{3, 0, 4}, sizes{1, 1, 1}, sizes{1, 37, 5}, sizes{9, 1, 1},
                        sizes{7, 13, 11}, sizes{65, 129, 33}, sizes{2, 1000, 3}}) {
    CAPTURE(s.m);
    CAPTURE(s.k);
    CAPTURE(s.n);
    std::vector<T> const a = testing::random_values<T>(s.m * s.k, 1), c = testing::random_values<T>(s.m * s.n, 3);
    std::vector<T> const right = testing::random_values<T>(s.k * s.n, 2);
    std::vector<T> a_flipped(a.size()), right_flipped(right.size());
    std::vector<double> product(c.size(), 0.0), sum = testing::converted<double>(c);
    for (index_t i = 0; i < s.m; ++i)
      for (index_t l = 0; l < s.k; ++l) {
        auto const at = static_cast<std::size_t>(i * s.k + l);
        a_flipped[static_cast<std::size_t>(l * s.m + i)] = a[at];
        for (index_t j = 0; j < s.n; ++j)
          product[static_cast<std::size_t>(i * s.n + j)] +=
              static_cast<double>(a[at]) * static_cast<double>(right[static_cast<std::size_t>(l * s.n + j)]);
      }
    for (index_t l = 0; l < s.k; ++l)
      for (index_t j = 0; j < s.n; ++j)
        right_flipped[static_cast<std::size_t>(j * s.k + l)] = right[static_cast<std::size_t>(l * s.n + j)];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += product[i];

    for (index_t const gap : {0, 5})
      for (transpose const ta : {transpose::no, transpose::yes})
        for (transpose const tb : {transpose::no, transpose::yes}) {
          testing::rows<T, test_backend> left = ta == transpose::no
                                                    ? testing::rows<T, test_backend>(b, s.m, s.k, a, gap)
                                                    : testing::rows<T, test_backend>(b, s.k, s.m, a_flipped, gap);
          testing::rows<T, test_backend> other = tb == transpose::no
                                                     ? testing::rows<T, test_backend>(b, s.k, s.n, right, gap)
                                                     : testing::rows<T, test_backend>(b, s.n, s.k, right_flipped, gap);
          testing::rows<T, test_backend> result(b, s.m, s.n, c, gap);
          scale::matmul(
              b, left.view(),
              {.b = other, .c = result, .transpose_a = ta, .transpose_b = tb, .mode = write_mode::accumulate});
          testing::check_close("c +=", result.values(b), sum, testing::tolerance<T>(s.k + 1));
          scale::matmul(b, left.view(), {.b = other, .c = result, .transpose_a = ta, .transpose_b = tb});
          testing::check_close("c =", result.values(b), product, testing::tolerance<T>(s.k));
        }
  }
}

TEST_CASE("matmul refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), y(b, scale::shape{4, 5}), z(b, scale::shape{3, 5});
  testing::check_argument_error([&] { scale::matmul(b, x, {.b = z, .c = z}); }, {"matmul", "b", "[4, 5]", "[3, 5]"});
  testing::check_argument_error([&] { scale::matmul(b, x, {.b = y, .c = x}); }, {"matmul", "c", "[3, 5]", "[3, 4]"});
  scale::tensor_view<float, 2, test_backend> const flipped(x.data_handle(), scale::shape{4, 3}, scale::shape{1, 4});
  testing::check_argument_error([&] { scale::matmul(b, flipped, {.b = z, .c = y}); }, {"a layout", "strides"});
}

}  // namespace
