// SPDX-License-Identifier: Apache-2.0
#include <scale/data/set_sampler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

using scale::index_t;
using scale::set_batch;
using scale::set_sampler;

TEST_CASE("set_sampler: an epoch holds each video at most once; the last partial batch is dropped") {
  set_sampler sampler(10, 16, {.batch = 4});
  CHECK(sampler.steps_per_epoch() == 2);
  CHECK_FALSE(sampler.batch_was_reduced());
  std::vector<std::vector<std::int32_t>> epochs;
  for (index_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::int32_t> seen;
    for (index_t step = 0; step < 2; ++step) {
      set_batch const batch = sampler.draw(2 * epoch + step);
      seen.insert(seen.end(), batch.videos.begin(), batch.videos.end());
    }
    std::vector<std::int32_t> const order = sampler.order(epoch);
    CHECK(seen == std::vector<std::int32_t>(order.begin(), order.begin() + 8));
    CHECK(std::set<std::int32_t>(order.begin(), order.end()).size() == 10);
    epochs.push_back(order);
  }
  CHECK(epochs[0] != epochs[1]);
  CHECK(epochs[1] != epochs[2]);
}

TEST_CASE("set_sampler: with fewer videos than a batch, all of them are the batch") {
  set_sampler sampler(5, 16, {.batch = 512});
  CHECK(sampler.batch() == 5);
  CHECK(sampler.batch_was_reduced());
  CHECK(sampler.steps_per_epoch() == 1);
  set_batch const batch = sampler.draw(7);
  CHECK(std::set<std::int32_t>(batch.videos.begin(), batch.videos.end()).size() == 5);
  CHECK(batch.clips.size() == 5 * 16);
}

TEST_CASE("set_sampler: clips are drawn without replacement, from all of a video's") {
  set_sampler sampler({16, 5, 40}, {.batch = 3, .sets = 2, .set_size = 2});
  std::map<int, std::set<std::int32_t>> used;
  for (index_t step = 0; step < 300; ++step) {
    set_batch const batch = sampler.draw(step);
    for (std::size_t b = 0; b < 3; ++b) {
      std::set<std::int32_t> const clips(batch.clips.begin() + static_cast<long>(4 * b),
                                         batch.clips.begin() + static_cast<long>(4 * b + 4));
      CHECK(clips.size() == 4);
      used[batch.videos[b]].insert(clips.begin(), clips.end());
    }
  }
  CHECK(used[0].size() == 16);
  CHECK(*used[0].rbegin() == 15);
  CHECK(used[1].size() == 5);
  CHECK(used[2].size() == 40);
}

TEST_CASE("set_sampler: a step is the same whenever it is drawn, and a video's draw whatever batch it is in") {
  set_sampler forward(9, 16, {.batch = 3}), backward(9, 16, {.batch = 3}), whole(9, 16, {.batch = 9});
  std::vector<set_batch> batches;
  for (index_t step = 0; step < 7; ++step) batches.push_back(forward.draw(step));
  for (index_t step = 7; step-- > 0;) {
    set_batch const again = backward.draw(step);
    CHECK(again.videos == batches[static_cast<std::size_t>(step)].videos);
    CHECK(again.clips == batches[static_cast<std::size_t>(step)].clips);
    CHECK(again.mask == batches[static_cast<std::size_t>(step)].mask);
  }
  set_batch const all = whole.draw(2);
  set_batch const& part = batches[2];
  for (std::size_t b = 0; b < 3; ++b) {
    auto const at = std::find(all.videos.begin(), all.videos.end(), part.videos[b]) - all.videos.begin();
    CHECK(std::equal(part.clips.begin() + static_cast<long>(16 * b),
                     part.clips.begin() + static_cast<long>(16 * b + 16), all.clips.begin() + 16 * at));
    CHECK(std::equal(part.mask.begin() + static_cast<long>(16 * b), part.mask.begin() + static_cast<long>(16 * b + 16),
                     all.mask.begin() + 16 * at));
  }
  set_sampler other(9, 16, {.batch = 9, .seed = 43});
  CHECK(other.draw(2).clips != all.clips);
}

TEST_CASE("set_sampler: masks come at their rate, each place alike; 0 and 1 are exact") {
  set_sampler sampler(100, 16, {.batch = 100});
  std::vector<int> at_place(16, 0), first_clip(16, 0);
  int const steps = 200;
  for (index_t step = 0; step < steps; ++step) {
    set_batch const batch = sampler.draw(step);
    for (std::size_t i = 0; i < batch.mask.size(); ++i) at_place[i % 16] += batch.mask[i];
    for (std::size_t b = 0; b < 100; ++b) ++first_clip[static_cast<std::size_t>(batch.clips[16 * b])];
  }
  double const n = steps * 100.0;
  for (int const count : at_place) CHECK(std::abs(count - 0.25 * n) < 5 * std::sqrt(n * 0.25 * 0.75));
  for (int const count : first_clip) CHECK(std::abs(count - n / 16) < 5 * std::sqrt(n / 16 * 15 / 16));
  set_batch const none = set_sampler(4, 16, {.mask_ratio = 0}).draw(0),
                  all = set_sampler(4, 16, {.mask_ratio = 1}).draw(0);
  CHECK(std::count(none.mask.begin(), none.mask.end(), 1) == 0);
  CHECK(std::count(all.mask.begin(), all.mask.end(), 1) == 64);
}

TEST_CASE("set_sampler: too few clips and senseless options are refused") {
  CHECK_THROWS_AS(set_sampler(4, 15), scale::argument_error);
  CHECK_THROWS_AS(set_sampler({16, 16, 3}), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(std::vector<std::int32_t>{}), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(0, 16), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(4, 16, {.batch = 0}), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(4, 16, {.sets = 0}), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(4, 16, {.mask_ratio = 1.5}), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(4, 16).draw(-1), scale::argument_error);
  CHECK_THROWS_AS(set_sampler(4, 16).draw(index_t{1} << 32), scale::argument_error);
}
