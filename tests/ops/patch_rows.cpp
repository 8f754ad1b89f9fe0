// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/convolution.hpp>
#include <scale/ops/patch_rows.hpp>
#include <scale/ref/convolution.hpp>

#include <support/compare.hpp>

namespace {

using scale::index_t;
using scale::shape;
using testing::rows;
using testing::test_backend;

TEST_CASE_TEMPLATE("patch_rows orders places and pixels as its contract says", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  struct sizes {
    index_t n, c, t, h, w, frames, size;
  };
  for (sizes const s : {sizes{0, 3, 2, 4, 4, 2, 4}, sizes{1, 1, 1, 1, 1, 1, 1}, sizes{2, 3, 4, 6, 9, 2, 3},
                        sizes{1, 3, 6, 32, 48, 2, 16}, sizes{2, 2, 3, 4, 4, 1, 2}}) {
    CAPTURE(s.h);
    shape<5> const extents{{s.n, s.c, s.t, s.h, s.w}};
    auto const clips = testing::random_values<T>(extents.size(), 1);
    index_t const deep = s.t / s.frames, down = s.h / s.size, across = s.w / s.size;
    std::vector<T> expected;
    for (index_t place = 0; place < s.n * deep * down * across; ++place)
      for (index_t at = 0; at < s.c * s.frames * s.size * s.size; ++at) {
        index_t const n = place / (deep * down * across), c = at / (s.frames * s.size * s.size);
        index_t const t = place / (down * across) % deep * s.frames + at / (s.size * s.size) % s.frames;
        index_t const h = place / across % down * s.size + at / s.size % s.size;
        index_t const w = place % across * s.size + at % s.size;
        expected.push_back(clips[static_cast<std::size_t>((((n * s.c + c) * s.t + t) * s.h + h) * s.w + w)]);
      }
    for (index_t const gap : {3, 8}) {
      rows<T, test_backend> y(b, s.n * deep * down * across, s.c * s.frames * s.size * s.size, gap);
      scale::patch_rows(b, testing::make_tensor<5>(b, extents, clips), {.frames = s.frames, .size = s.size, .y = y});
      testing::check_same_bits("y", y.values(b), expected);
    }
  }
}

TEST_CASE("patch_rows times a filter is the convolution whose stride is its kernel") {
  scale::ref::context const b;
  index_t const o = 5;
  shape<5> const clip{{2, 3, 4, 6, 9}}, filter{{o, 3, 2, 3, 3}}, out{{2, o, 2, 2, 3}};
  auto const x = testing::make_tensor<5>(b, clip, testing::random_values(clip.size(), 1));
  auto const w = testing::random_values(filter.size(), 2);
  auto const weight = testing::make_tensor<5>(b, filter, w);
  scale::tensor<double, 5, scale::ref::context> y(b, out);
  scale::convolution_forward(b, x, {.weight = weight, .y = y, .stride = {2, 3, 3}, .pad_begin = {}, .pad_end = {}});
  scale::tensor<double, 2, scale::ref::context> patches(b, shape{24, 54});
  scale::patch_rows(b, x, {.frames = 2, .size = 3, .y = patches});
  std::vector<double> product;
  for (index_t n = 0; n < 2; ++n)
    for (index_t channel = 0; channel < o; ++channel)
      for (index_t place = 0; place < 12; ++place) {
        double sum = 0;
        for (index_t i = 0; i < 54; ++i)
          sum += patches.view()(n * 12 + place, i) * w[static_cast<std::size_t>(channel * 54 + i)];
        product.push_back(sum);
      }
  testing::check_close("y", testing::values_of(b, y), product, 1e-14);
}

TEST_CASE("patch_rows refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 5, test_backend> x(b, shape<5>{{1, 3, 3, 32, 40}});
  scale::tensor<float, 2, test_backend> y(b, shape{6, 768});
  testing::check_argument_error([&] { scale::patch_rows(b, x, {.frames = 2, .size = 8, .y = y}); },
                                {"patch_rows", "clips.extent(2)", "multiple of 2", "got 3"});
  testing::check_argument_error([&] { scale::patch_rows(b, x, {.frames = 1, .size = 16, .y = y}); },
                                {"clips.extent(4)", "multiple of 16", "got 40"});
  testing::check_argument_error([&] { scale::patch_rows(b, x, {.frames = 0, .size = 8, .y = y}); }, {"frames"});
  testing::check_argument_error([&] { scale::patch_rows(b, x, {.frames = 1, .size = 8, .y = y}); },
                                {"y shape", "[60, 192]", "[6, 768]"});
}

}  // namespace
