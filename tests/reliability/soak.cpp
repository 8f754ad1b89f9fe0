// SPDX-License-Identifier: Apache-2.0
// Long runs do not drift: memory and open files stay what they were.
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include "io/temporary_folder.hpp"
#include "reliability/campaign.hpp"
#include "train/synthetic_clips.hpp"
#include "train/tiny_run.hpp"
#include <doctest/doctest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

using context = scale::ref::context;

struct sample {
  double step = 0;
  double heap = 0;      // bytes in use
  double resident = 0;  // bytes
  std::ptrdiff_t descriptors = 0;
};

sample taken_at(scale::index_t step) {
  sample s;
  s.step = static_cast<double>(step);
  s.heap = static_cast<double>(::mallinfo2().uordblks);
  std::ifstream file("/proc/self/statm");
  double total = 0, pages = 0;
  file >> total >> pages;
  s.resident = pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  s.descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  return s;
}

/// Bytes per step: the slope of the straight line through the samples with the least squares.
double slope(std::vector<sample> const& samples, double sample::*member) {
  double const n = static_cast<double>(samples.size());
  double steps = 0, values = 0, square = 0, product = 0;
  for (sample const& s : samples) {
    steps += s.step / n;
    values += s.*member / n;
  }
  for (sample const& s : samples) {
    square += (s.step - steps) * (s.step - steps);
    product += (s.step - steps) * (s.*member - values);
  }
  return product / square;
}

}  // namespace

TEST_CASE("soak: in a long run memory grows by less than 1 KiB in 1,000 steps, open files not at all") {
  testing::temporary_folder const folder;
  context const b;
  synthetic::clips<float, context> const data(b, {.videos = 11, .clips = 5, .width = 7});
  int const steps = testing::campaign_size("SCALE_SOAK_STEPS", 2000);
  REQUIRE(steps >= 200);
  scale::pretrain_options options = testing::tiny_options();
  options.iterations = steps;
  options.dropout = 0.2;
  scale::pretrain_run run;
  run.folder = folder / "run";
  run.checkpoint_seconds = 0.02;
  run.store = "fingerprint";
  int const every = steps / 100;
  std::vector<sample> samples;
  samples.reserve(200);
  scale::train_callbacks callbacks;
  callbacks.progress = [&](scale::train_progress const& p) {
    // the first quarter fills what is kept for later; after the last step the last checkpoint is written
    if (p.step % every == 0 && p.step > steps / 4 && p.step < steps) samples.push_back(taken_at(p.step));
  };
  scale::pretrain<float>(b, data.source, options, run, callbacks);
  REQUIRE(samples.size() >= 50);
  auto const [least, most] = std::minmax_element(
      samples.begin(), samples.end(), [](sample const& x, sample const& y) { return x.descriptors < y.descriptors; });
  CHECK(least->descriptors == most->descriptors);
  double const heap = slope(samples, &sample::heap) * 1000, resident = slope(samples, &sample::resident) * 1000;
  CAPTURE(resident);
  CHECK(heap < 16 * 1000);  // an allocation lost in every step would be 24 bytes at least
  if (steps >= 10000) {     // of few steps a single page, or what the allocator keeps at hand, is more
    CHECK(heap < 1024);
    CHECK(resident < 1024);
  }
  MESSAGE("bytes in 1,000 steps: heap ", heap, ", resident ", resident, "; open files ", most->descriptors);
}
