// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long work reports to its caller: numbers after every iteration, and messages in words.

#include <scale/core/shape.hpp>

#include <chrono>
#include <functional>
#include <string_view>

namespace scale {

/// After one iteration of training. Losses that do not exist in this kind of training are 0.
struct train_progress {
  index_t step = 0, steps = 0;    // iterations done, and in all
  index_t epoch = 0, epochs = 0;  // the one this iteration belongs to, from 1
  double loss = 0;
  double set_loss = 0, dense_loss = 0;
  double accuracy = 0;                          // %, probes
  double set_accuracy = 0, dense_accuracy = 0;  // %
  double lr = 0;
  double seconds = 0;  // since this run began (not the ones it resumed)
  double rate = 0;     // videos per second in this run
  double eta = 0;      // seconds left at this rate
};

/// Callbacks may be empty. They run on the thread that trains, between iterations, and may throw.
struct train_callbacks {
  std::function<void(train_progress const&)> progress;
  std::function<void(std::string_view)> message;
};

/// Fills in seconds, rate and eta.
class progress_clock {
 public:
  void stamp(train_progress& p, index_t videos_per_step, index_t first_step) const {
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    index_t const done = p.step - first_step;
    if (done <= 0 || p.seconds <= 0) return;
    p.rate = static_cast<double>(done * videos_per_step) / p.seconds;
    p.eta = p.seconds / static_cast<double>(done) * static_cast<double>(p.steps - p.step);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace scale
