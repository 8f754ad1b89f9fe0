// SPDX-License-Identifier: Apache-2.0
#include <scale/eval/metadata_baseline.hpp>
#include <scale/eval/metrics.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

TEST_CASE("the metadata baseline sees how a file was made, each feature by its spread") {
  // The frame rate decides; frames differ by thousands and say nothing; the width is the same everywhere.
  std::vector<scale::video_metadata> train, test;
  std::vector<std::int32_t> labels, test_labels;
  for (int i = 0; i < 20; ++i) {
    train.push_back({320, 240, 1000.0 + (i / 2) * 10, i % 2 == 0 ? 25.0 : 25.5});
    labels.push_back(i % 2);
    test.push_back({640, 240, 1003.0 + (i / 2) * 10, i % 2 == 0 ? 25.0 : 25.5});
    test_labels.push_back(i % 2);
  }
  auto const scores =
      scale::classify_metadata(scale::metadata_features(train), labels, scale::metadata_features(test), 2);
  CHECK(scale::measure(scores, test_labels).top1 == 100);
  for (scale::index_t i = 0; i < scores.rows; ++i) CHECK(scores(i, 0) + scores(i, 1) == 5);
}

TEST_CASE("without anything to tell videos apart the first rows vote") {
  std::vector<scale::video_metadata> const same(4, {1, 2, 3, 4});
  auto const scores = scale::classify_metadata(scale::metadata_features(same), std::vector<std::int32_t>{1, 1, 0, 0},
                                               scale::metadata_features(same), 2, {.k = 3});
  CHECK(scores(0, 1) == 2);
  CHECK(scores(0, 0) == 1);
}
