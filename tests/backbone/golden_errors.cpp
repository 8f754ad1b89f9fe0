// SPDX-License-Identifier: Apache-2.0
// The comparison with golden files itself: a NaN anywhere is no agreement.
#include "support/golden_backbone.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_CASE("golden files: numbers that agree, and a NaN at any place that does not") {
  std::vector<double> const values = {1, -2, 3}, head = {1, -2, 3};
  auto const sketch = golden::sketch_of(values);
  std::vector<double> const expected(sketch.begin(), sketch.end());
  golden::stage_error const none(values, expected, head);
  CHECK(none.sketch == 0);
  CHECK(none.head == 0);
  CHECK(golden::feature_error(values, values).feature == 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto wrong = values;
    wrong[i] = NAN;
    golden::stage_error const error(wrong, expected, head);
    CHECK(!(error.sketch <= 1));
    CHECK(!(error.head <= 1));
    golden::feature_error const feature(wrong, values);
    CHECK(!(feature.feature <= 1));
    CHECK(!(feature.cosine <= 1));
  }
}
