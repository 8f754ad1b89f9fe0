// SPDX-License-Identifier: Apache-2.0
// The weights of the box, against its formulas evaluated step by step in fp32 with another program.
#include <scale/video/detail/box_blur.hpp>

#include <doctest/doctest.h>

namespace {

struct box_case {
  float sigma;
  int radius;
  unsigned inner, outer;
};

// In the first four, double in place of fp32 gives another weight or, for sqrt(2), another
// radius.
constexpr box_case cases[] = {{0.6f, 0, 14763950, 1006633}, {0.7f, 0, 14036938, 1370139}, {1.0f, 0, 11184811, 2796202},
                              {1.41421354f, 1, 5592405, 0}, {0.1f, 0, 16721291, 27962},   {0.5f, 0, 15379114, 699051},
                              {1.5f, 1, 5452595, 209715},   {2.0f, 1, 4473924, 1677722},  {2.44948983f, 2, 3355443, 0},
                              {3.3f, 2, 2574104, 1953348},  {10.0f, 9, 840963, 399459}};

}  // namespace

TEST_CASE("the box of a Gaussian has the weights of fp32 arithmetic") {
  for (box_case const& c : cases) {
    CAPTURE(c.sigma);
    auto const box = scale::video::detail::box_for_gaussian(c.sigma);
    CHECK(box.radius == c.radius);
    CHECK(box.inner == c.inner);
    CHECK(box.outer == c.outer);
  }
}
