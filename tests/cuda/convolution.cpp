// SPDX-License-Identifier: Apache-2.0
// Convolutions of so many outputs that their columns are made in several parts.
#include <scale/cuda.hpp>
#include <scale/ref.hpp>

#include "emulator.hpp"
#include "support/compare.hpp"
#include "support/layout.hpp"
#include "support/tolerance.hpp"
#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace {

using scale::index_t;
using scale::shape;
using testing::layout;

constexpr index_t channels = 2048, rows = 20, columns = 50, outputs = 3;

template <class T, class B>
std::vector<T> convolved(B const& b, layout y_layout) {
  auto const numbers = [](index_t n, std::uint32_t which) {  // of T's, whatever the backend computes in
    using narrow = std::conditional_t<std::same_as<T, double>, float, T>;
    return testing::converted<T>(testing::random_values<narrow>(n, which));
  };
  shape<4> const in{{1, channels, rows, columns}}, filter{{outputs, channels, 3, 3}}, out{{1, outputs, rows, columns}};
  testing::laid_out<T, 4, B> x(b, in, layout::channels_last, numbers(in.size(), 1)), y(b, out, y_layout);
  testing::laid_out<T, 4, B> residual(b, out, layout::row_major, numbers(out.size(), 2));
  auto const weight = testing::make_tensor<4>(b, filter, numbers(filter.size(), 3));
  scale::convolution_forward(b, x.view(),
                             {.weight = weight,
                              .y = y,
                              .stride = {1, 1},
                              .pad_begin = {1, 1},
                              .pad_end = {1, 1},
                              .act = scale::activation::relu,
                              .residual = residual});
  return y.values(b);
}

}  // namespace

TEST_CASE("convolution on cuda: columns in parts, whether outputs are rows or not") {
  static_assert(rows * columns * 9 * channels * sizeof(float) >
                2 * scale::cuda::detail::convolution_tuning::column_bytes);
  std::vector<double> const expected = convolved<double>(scale::ref::context(), layout::row_major);
  scale::cuda::context const b;
  for (layout const l : testing::all_layouts) {
    std::size_t const before = cuda_on_host::the_machine().launches;
    testing::check_close("y", convolved<float>(b, l), expected, testing::tolerance<float>(9 * channels));
    CHECK(cuda_on_host::the_machine().launches - before >= 9);  // columns, residual and outputs of three parts
  }
}
