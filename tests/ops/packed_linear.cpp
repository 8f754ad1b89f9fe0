// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/packed_linear.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>

namespace {

using scale::activation;
using scale::index_t;
using scale::shape;
using scale::write_mode;
using testing::rows;
using testing::test_backend;

template <class T>
scale::tensor<T, 1, test_backend> packed(test_backend const& b, std::vector<T> const& weight, index_t i, index_t o) {
  scale::tensor<T, 1, test_backend> result(b, shape{scale::packed_linear_size<T>(b, i, o)});
  scale::pack_linear(b, testing::make_tensor<2>(b, shape{o, i}, weight), {.packed = result});
  return result;
}

TEST_CASE_TEMPLATE("packed_linear agrees with its formula", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  struct sizes {
    index_t n, i, o;
  };
  for (sizes const s : {sizes{0, 3, 4}, sizes{1, 1, 1}, sizes{9, 31, 17}, sizes{56, 64, 64}, sizes{113, 23, 129},
                        sizes{3, 300, 2}, sizes{57, 192, 200}}) {
    CAPTURE(s.n);
    CAPTURE(s.i);
    CAPTURE(s.o);
    auto const x = testing::random_values<T>(s.n * s.i, 1), w = testing::random_values<T>(s.o * s.i, 2);
    auto const bias = testing::random_values<T>(s.o, 3), y0 = testing::random_values<T>(s.n * s.o, 4);
    auto const weight = packed(b, w, s.i, s.o);
    auto const offset = testing::make_vector(b, bias);
    rows<T, test_backend> in(b, s.n, s.i, x);
    for (bool const with_bias : {false, true}) {
      std::vector<double> sum(y0.size(), 0.0), activated, added;
      for (index_t r = 0; r < s.n; ++r)
        for (index_t o = 0; o < s.o; ++o) {
          auto const at = static_cast<std::size_t>(r * s.o + o);
          if (with_bias) sum[at] = static_cast<double>(bias[static_cast<std::size_t>(o)]);
          for (index_t i = 0; i < s.i; ++i)
            sum[at] += static_cast<double>(x[static_cast<std::size_t>(r * s.i + i)]) *
                       static_cast<double>(w[static_cast<std::size_t>(o * s.i + i)]);
          activated.push_back(sum[at] / 2 * (1 + std::erf(sum[at] / std::sqrt(2.0))));
          added.push_back(sum[at] + static_cast<double>(y0[at]));
        }
      scale::tensor_view<T const, 1, test_backend> given;
      if (with_bias) given = offset;
      rows<T, test_backend> plain(b, s.n, s.o), bent(b, s.n, s.o, 0), more(b, s.n, s.o, y0);
      scale::packed_linear(b, in.view(), {.packed = weight, .bias = given, .y = plain});
      scale::packed_linear(b, in.view(), {.packed = weight, .bias = given, .y = bent, .act = activation::gelu});
      scale::packed_linear(b, in.view(), {.packed = weight, .bias = given, .y = more, .mode = write_mode::accumulate});
      testing::check_close("y", plain.values(b), sum, testing::tolerance<T>(s.i));
      testing::check_close("gelu", bent.values(b), activated, testing::tolerance<T>(s.i));
      testing::check_close("y +=", more.values(b), added, testing::tolerance<T>(s.i + 1));
    }
  }
}

TEST_CASE("packed_linear refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4}), y(b, shape{3, 5}), weight(b, shape{5, 4});
  scale::tensor<float, 1, test_backend> w(b, shape{scale::packed_linear_size<float>(b, 4, 5)}), bias(b, shape{4});
  scale::tensor<float, 1, test_backend> wrong(b, shape{w.extent(0) + 1});
  testing::check_argument_error([&] { (void)scale::packed_linear_size<float>(b, 4, 0); },
                                {"packed_linear_size", "at least one row", "[0, 4]"});
  testing::check_argument_error([&] { scale::pack_linear(b, weight, {.packed = wrong}); }, {"pack_linear", "packed"});
  testing::check_argument_error([&] { scale::packed_linear(b, x, {.packed = wrong, .y = y}); },
                                {"packed_linear", "packed"});
  testing::check_argument_error([&] { scale::packed_linear(b, x, {.packed = w, .bias = bias, .y = y}); },
                                {"bias", "[5]", "[4]"});
  testing::check_argument_error([&] { scale::packed_linear(b, x, {.packed = w, .y = y, .act = activation::relu}); },
                                {"act", "none or gelu"});
  testing::check_argument_error(
      [&] {
        scale::packed_linear(b, x, {.packed = w, .y = y, .act = activation::gelu, .mode = write_mode::accumulate});
      },
      {"act", "accumulate"});
}

}  // namespace
