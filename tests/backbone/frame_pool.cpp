// SPDX-License-Identifier: Apache-2.0
// Pooling of frames' features, on both host backends.
#include <scale/backbone/frame_pool.hpp>
#include <scale/cpu/frame_pool.hpp>
#include <scale/ref/frame_pool.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace {

using scale::frame_pooling;
using scale::index_t;

template <class B>
void check_pooling(B const& b) {
  for (index_t const t : {1, 2, 5})
    for (index_t const c : {1, 64, 131}) {
      index_t const n = 3, gap = 5;
      scale::tensor<float, 2, B> wide(b, scale::shape{n * t, c + gap});
      for (index_t i = 0; i < wide.size(); ++i) wide.data_handle()[i] = std::sin(static_cast<float>(i * i % 977));
      auto const x = wide.view().columns(2, c);
      scale::tensor<float, 2, B> out(b, scale::shape{n, 2 * c + gap});
      for (index_t i = 0; i < out.size(); ++i) out.data_handle()[i] = 99;
      auto const y = out.view().columns(1, 2 * c);
      scale::frame_pool(b, x, {.frames = t, .how = frame_pooling::mean_and_motion, .y = y});
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j < c; ++j) {
          double mean = 0, change = 0;
          for (index_t f = 0; f < t; ++f) mean += double(x(i * t + f, j)) / double(t);
          for (index_t f = 1; f < t; ++f)
            change += std::abs(double(x(i * t + f, j)) - double(x(i * t + f - 1, j))) / double(t - 1);
          CHECK(std::abs(double(y(i, j)) - mean) < double(t) * 0x1p-23);
          CHECK(std::abs(double(y(i, c + j)) - change) < double(t) * 0x1p-22);
        }
      if (t == 1) CHECK(y(0, c) == 0);
      scale::frame_pool(b, x, {.frames = t, .y = y.columns(0, c)});
      CHECK(out.view()(0, 0) == 99);
      CHECK(out.view()(n - 1, 2 * c + 1) == 99);
    }
}

}  // namespace

TEST_CASE("frame_pool: mean, and mean absolute difference of neighbours, between rows that lie apart") {
  check_pooling(scale::ref::context{});
  check_pooling(scale::cpu::context{});
}

TEST_CASE("frame_pool: wrong arguments are refused") {
  scale::ref::context const b;
  scale::tensor<float, 2, scale::ref::context> x(b, scale::shape{6, 4}), y(b, scale::shape{2, 4});
  CHECK_THROWS_AS(scale::frame_pool(b, x, {.frames = 0, .y = y}), scale::argument_error);
  CHECK_THROWS_AS(scale::frame_pool(b, x, {.frames = 4, .y = y}), scale::argument_error);
  CHECK_THROWS_AS(scale::frame_pool(b, x, {.frames = 3, .how = frame_pooling::mean_and_motion, .y = y}),
                  scale::argument_error);
}

TEST_CASE("frame_pool: words of the command line") {
  CHECK(scale::frame_pooling_of_name("mean") == frame_pooling::mean);
  CHECK(scale::frame_pooling_of_name("mean+motion") == frame_pooling::mean_and_motion);
  CHECK(scale::name_of(frame_pooling::mean_and_motion) == "mean+motion");
  CHECK_THROWS_AS(scale::frame_pooling_of_name("motion"), scale::argument_error);
}
