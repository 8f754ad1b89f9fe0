// SPDX-License-Identifier: Apache-2.0
// Results in order whatever the threads do, no more ahead than agreed, failures where they belong, and an end on
// request.
#include <scale/data/ordered_queue.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>

using scale::index_t;
using scale::ordered_queue;

TEST_CASE("ordered_queue: results come in order, at most `threads` of them ahead") {
  for (int const threads : {0, 1, 2, 5}) {
    std::atomic<index_t> begun = 3;
    ordered_queue<index_t> queue(3, 40, threads, [&](index_t i, std::stop_token) {
      begun.fetch_add(1);
      std::this_thread::sleep_for(std::chrono::microseconds(i % 3 * 300));
      return 10 * i;
    });
    for (index_t i = 3; i < 40; ++i) {
      std::optional<index_t> const result = queue.next();
      REQUIRE(result.has_value());
      CHECK(*result == 10 * i);
      CHECK(begun.load() <= i + 1 + threads);
    }
    CHECK_FALSE(queue.next().has_value());
    CHECK(queue.taker_waited() >= 0);
    CHECK(queue.makers_waited() >= 0);
  }
}

TEST_CASE("ordered_queue: what making throws comes out in its place, and the others still come") {
  for (int const threads : {0, 2}) {
    ordered_queue<index_t> queue(0, 4, threads, [](index_t i, std::stop_token) -> index_t {
      if (i == 1) throw std::runtime_error("one");
      return i;
    });
    CHECK(queue.next() == 0);
    CHECK_THROWS_WITH(queue.next(), "one");
    CHECK(queue.next() == 2);
    CHECK(queue.next() == 3);
  }
}

TEST_CASE("ordered_queue: stopped, it gives what was begun and nothing else; the calls under way are asked to stop") {
  for (int const threads : {0, 1, 3}) {
    std::atomic<int> asked = 0;
    ordered_queue<index_t> queue(0, 1000, threads, [&](index_t i, std::stop_token stop) {
      while (i > 0 && !stop.stop_requested()) std::this_thread::yield();
      asked += stop.stop_requested() ? 1 : 0;
      return i;
    });
    CHECK(queue.next() == 0);
    std::jthread const stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      queue.stop();
    });
    int rest = 0;
    while (queue.next()) ++rest;
    CHECK(rest <= (threads == 0 ? 1 : threads));
    CHECK(asked.load() <= rest);
  }
}
