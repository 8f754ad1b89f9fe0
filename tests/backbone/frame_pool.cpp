// SPDX-License-Identifier: Apache-2.0
// Words of the command line for the pooling of frames; tests/ops/frame_pool.cpp has the operator.
#include <scale/backbone/frame_pool.hpp>

#include <doctest/doctest.h>

TEST_CASE("frame_pool: words of the command line") {
  using scale::frame_pooling;
  CHECK(scale::frame_pooling_of_name("mean") == frame_pooling::mean);
  CHECK(scale::frame_pooling_of_name("mean+motion") == frame_pooling::mean_and_motion);
  CHECK(scale::name_of(frame_pooling::mean_and_motion) == "mean+motion");
  CHECK_THROWS_AS(scale::frame_pooling_of_name("motion"), scale::argument_error);
}
