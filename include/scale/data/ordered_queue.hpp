// SPDX-License-Identifier: Apache-2.0
#pragma once
// Work done ahead on other threads and taken in order.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace scale {

/// Calls make(i, stop) for i = begin, begin + 1, ... below `end`, on `threads` threads of its own, and hands the
/// results out in this order; with 0 threads it calls when asked. At most `threads` results beyond the last one taken
/// exist or are being made. The destructor asks the calls under way to stop, and waits for them.
template <class Result>
class ordered_queue {
 public:
  using make_function = std::function<Result(index_t, std::stop_token)>;

  ordered_queue(index_t begin, index_t end, int threads, make_function make)
      : make_(std::move(make)), begin_(begin), end_(end), next_to_make_(begin), next_to_take_(begin) {
    expect(threads >= 0, "ordered_queue", "threads must not be negative");
    slots_.resize(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; ++t) workers_.emplace_back([this] { work(); });
  }

  ordered_queue(ordered_queue const&) = delete;
  ordered_queue& operator=(ordered_queue const&) = delete;

  ~ordered_queue() { stop(); }

  /// Asks the calls under way to stop, and begins no others; next() then gives what is there, and at last nothing.
  void stop() {
    source_.request_stop();
    std::scoped_lock const lock(guard_);
    changed_.notify_all();
  }

  /// The next result, or what its making threw; nothing behind the last one or, after stop(), where it was not begun.
  std::optional<Result> next() {
    if (next_to_take_ == end_) return std::nullopt;
    if (workers_.empty()) {
      if (source_.stop_requested()) return std::nullopt;
      return make_(next_to_take_++, source_.get_token());
    }
    clock::time_point const began = clock::now();
    std::unique_lock lock(guard_);
    slot& mine = slot_of(next_to_take_);
    changed_.wait(lock, [&] { return mine.full || (source_.stop_requested() && next_to_make_ <= next_to_take_); });
    taker_waited_ += clock::now() - began;
    if (!mine.full) return std::nullopt;
    std::optional<Result> result = std::move(mine.result);
    std::exception_ptr const failure = std::exchange(mine.failure, nullptr);
    mine.result.reset();
    mine.full = false;
    ++next_to_take_;
    changed_.notify_all();
    lock.unlock();
    if (failure) std::rethrow_exception(failure);
    return result;
  }

  /// Seconds that next() waited for a result.
  double taker_waited() const { return taker_waited_.count(); }

  /// Seconds that the threads waited because enough was made, on average over them.
  double makers_waited() const {
    std::scoped_lock const lock(guard_);
    return workers_.empty() ? 0 : makers_waited_.count() / static_cast<double>(workers_.size());
  }

 private:
  using clock = std::chrono::steady_clock;

  struct slot {
    bool full = false;
    std::optional<Result> result;
    std::exception_ptr failure;
  };

  slot& slot_of(index_t i) { return slots_[static_cast<std::size_t>(i - begin_) % slots_.size()]; }

  void work() {
    while (true) {
      index_t mine = 0;
      {
        clock::time_point const began = clock::now();
        std::unique_lock lock(guard_);
        auto const room = static_cast<index_t>(slots_.size());
        changed_.wait(lock, [&] {
          return source_.stop_requested() || next_to_make_ == end_ || next_to_make_ < next_to_take_ + room;
        });
        if (source_.stop_requested() || next_to_make_ == end_) return;
        makers_waited_ += clock::now() - began;
        mine = next_to_make_++;
      }
      std::optional<Result> result;
      std::exception_ptr failure;
      try {
        result.emplace(make_(mine, source_.get_token()));
      } catch (...) {
        failure = std::current_exception();
      }
      std::scoped_lock const lock(guard_);
      slot& to = slot_of(mine);
      to.result = std::move(result);
      to.failure = failure;
      to.full = true;
      changed_.notify_all();
    }
  }

  make_function make_;
  index_t const begin_, end_;
  std::stop_source source_;
  mutable std::mutex guard_;
  std::condition_variable changed_;
  std::vector<slot> slots_;
  index_t next_to_make_, next_to_take_;
  std::chrono::duration<double> taker_waited_{}, makers_waited_{};
  std::vector<std::jthread> workers_;  // last: joined before anything they use is gone
};

}  // namespace scale
