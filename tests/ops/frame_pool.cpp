// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/frame_pool.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>

namespace {

using scale::frame_pooling;
using scale::index_t;
using scale::shape;
using testing::rows;
using testing::test_backend;

TEST_CASE_TEMPLATE("frame_pool agrees with its formula", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  struct sizes {
    index_t n, frames, c, gap;
  };
  for (sizes const s : {sizes{3, 1, 1, 3}, sizes{3, 2, 64, 8}, sizes{1, 5, 131, 3}, sizes{2, 16, 128, 0},
                        sizes{0, 4, 7, 3}, sizes{300, 3, 8, 3}}) {
    CAPTURE(s.frames);
    CAPTURE(s.c);
    auto const x = testing::random_values<T>(s.n * s.frames * s.c, 1);
    auto const at = [&](index_t clip, index_t frame, index_t j) {
      return static_cast<double>(x[static_cast<std::size_t>((clip * s.frames + frame) * s.c + j)]);
    };
    std::vector<double> means, both;
    for (index_t i = 0; i < s.n; ++i)
      for (index_t j = 0; j < 2 * s.c; ++j) {
        double sum = 0;
        for (index_t f = j < s.c ? 0 : 1; f < s.frames; ++f)
          sum += j < s.c ? at(i, f, j) : std::abs(at(i, f, j - s.c) - at(i, f - 1, j - s.c));
        double const value = s.frames == 1 && j >= s.c ? 0 : sum / static_cast<double>(s.frames - (j < s.c ? 0 : 1));
        both.push_back(value);
        if (j < s.c) means.push_back(value);
      }
    rows<T, test_backend> in(b, s.n * s.frames, s.c, x, s.gap), mean(b, s.n, s.c, s.gap), all(b, s.n, 2 * s.c, s.gap);
    scale::frame_pool(b, in.view(), {.frames = s.frames, .y = mean});
    scale::frame_pool(b, in.view(), {.frames = s.frames, .how = frame_pooling::mean_and_motion, .y = all});
    testing::check_close("mean", mean.values(b), means, testing::tolerance<T>(s.frames));
    testing::check_close("mean and motion", all.values(b), both, testing::tolerance<T>(s.frames));
  }
}

TEST_CASE("frame_pool refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{6, 4}), y(b, shape{2, 4});
  testing::check_argument_error([&] { scale::frame_pool(b, x, {.frames = 0, .y = y}); },
                                {"frame_pool", "frames", "at least 1", "got 0"});
  testing::check_argument_error([&] { scale::frame_pool(b, x, {.frames = 4, .y = y}); },
                                {"x.extent(0)", "a multiple of frames = 4", "got 6"});
  testing::check_argument_error(
      [&] { scale::frame_pool(b, x, {.frames = 3, .how = frame_pooling::mean_and_motion, .y = y}); },
      {"y shape", "[2, 8]", "[2, 4]"});
}

}  // namespace
