// SPDX-License-Identifier: Apache-2.0
// tests/backbone/motion_energy.cpp has the symmetries that the formula promises.
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/motion_energy.hpp>
#include <scale/ref/motion_energy.hpp>

#include <backbone/moving_shapes.hpp>
#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using scale::index_t;
using scale::shape;
using testing::rows;
using testing::test_backend;

struct extents {
  index_t n, t, h, w;

  shape<5> clips() const { return {n, 3, t, h, w}; }
};

template <class T>
std::vector<T> moving_shapes(extents const& s) {
  std::vector<T> values(static_cast<std::size_t>(s.clips().size()));
  scale::tensor_view<T, 5, scale::ref::context> const clips(values.data(), s.clips());
  testing::draws random(testing::seed());
  for (index_t i = 0; i < s.n; ++i)
    testing::draw_moving_shape(clips, i, static_cast<testing::shape_motion>(1 + i % 8), random);
  return values;
}

template <class T, class B>
std::vector<T> features(B const& b, extents const& s, std::vector<T> const& clips, index_t lanes) {
  auto const x = testing::make_tensor<5>(b, s.clips(), clips);
  rows<T, B> y(b, s.n, scale::motion_energy_width);
  scale::tensor<scale::stat_t<T>, 2, B> workspace(b, shape{lanes, scale::motion_energy_workspace(s.t, s.h, s.w)});
  scale::motion_energy(b, x, {.y = y, .workspace = workspace});
  return y.values(b);
}

TEST_CASE_TEMPLATE("motion_energy agrees with ref at sizes that are multiples of nothing", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (extents const& s : {extents{2, 8, 64, 64}, {1, 9, 57, 75}, {1, 2, 16, 16}, {3, 5, 65, 33}, {0, 4, 20, 20}}) {
    CAPTURE(s.t);
    CAPTURE(s.h);
    auto const clips = moving_shapes<T>(s);
    auto const expected = features(scale::ref::context(), s, testing::converted<double>(clips), 1);
    auto const got = features(b, s, clips, 2);
    // Ratios carry the rounding of a filtered value of contrast 0.1 in luma of 1 (a few ulp times 10), and squash has
    // slope 10 at 0. The numbers are at most 1.
    double const rounding = 100 * 4 * testing::unit_roundoff<scale::stat_t<T>> + testing::storage_rounding<T>;
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      double const error = std::abs(static_cast<double>(got[i]) - expected[i]);
      if (error > worst || std::isnan(error)) worst = error;  // NaN stays
    }
    CHECK(worst <= rounding);
  }
}

TEST_CASE_TEMPLATE("motion_energy: the clips beside a clip change nothing", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  extents const s{5, 4, 20, 30};
  auto const clips = moving_shapes<T>(s);
  auto const together = features(b, s, clips, 5);
  testing::check_same_bits("two at a time", features(b, s, clips, 2), together);
  testing::check_same_bits("one by one", features(b, s, clips, 1), together);
}

TEST_CASE("motion_energy refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 5, test_backend> const x(b, shape{1, 3, 4, 16, 20}), still(b, shape{1, 3, 1, 16, 20});
  scale::tensor<float, 5, test_backend> const grey(b, shape{1, 1, 4, 16, 20});
  scale::tensor<float, 2, test_backend> y(b, shape{index_t{1}, scale::motion_energy_width}), narrow(b, shape{1, 9});
  scale::tensor<float, 2, test_backend> memory(b, shape{index_t{1}, scale::motion_energy_workspace(4, 16, 20)});
  auto const refused = [&](auto const& clips, auto const& out, auto const& workspace,
                           std::vector<std::string> const& parts) {
    testing::check_argument_error([&] { scale::motion_energy(b, clips, {.y = out, .workspace = workspace}); }, parts);
  };
  refused(still, y.view(), memory.view(), {"motion_energy", "at least 2 frames"});
  refused(grey, y.view(), memory.view(), {"x shape", "[1, 3, 4, 16, 20]"});
  refused(x, narrow.view(), memory.view(), {"y shape", "[1, 9]"});
  refused(x, y.view(), memory.view().columns(0, 100), {"workspace shape", "[1, 100]"});
}

}  // namespace
