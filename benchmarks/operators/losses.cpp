// SPDX-License-Identifier: Apache-2.0
// info_nce, symmetric_info_nce, cross_entropy and top_k_dot.
#include <scale/cpu/cross_entropy.hpp>
#include <scale/cpu/info_nce.hpp>
#include <scale/cpu/symmetric_info_nce.hpp>
#include <scale/cpu/top_k.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

/// Unit rows are some 1 / sqrt(c) in each place.
constexpr float unit = 0.15f;

template <class T>
void add_info_nce() {
  index_t const m = masked, n = clip_rows, c = contrast;
  add<T>("info_nce_forward/2048x8192x128", {product(m, n, c), 0}, [=](context const& b) {
    return [=, q = random<T>(b, shape{m, c}, unit), keys = random<T>(b, shape{n, c}, unit),
            target = numbers(b, m, 4, n), lse = random<stat_t<T>>(b, shape{m}),
            loss = random<stat_t<T>>(b, shape{index_t{1}}), correct = numbers(b, 1, 1, 1)]() mutable {
      info_nce_forward(
          b, q, {.keys = keys, .target = target, .temperature = 0.2, .lse = lse, .loss = loss, .correct = correct});
    };
  });
  add<T>("info_nce_backward/2048x8192x128", {3 * product(m, n, c), 0}, [=](context const& b) {
    return [=, q = random<T>(b, shape{m, c}, unit), keys = random<T>(b, shape{n, c}, unit),
            target = numbers(b, m, 4, n), lse = random<stat_t<T>>(b, shape{m}, 9), dq = random<T>(b, shape{m, c}),
            dkeys = random<T>(b, shape{n, c})]() mutable {
      info_nce_backward(
          b, q, {.keys = keys, .target = target, .temperature = 0.2, .lse = lse, .scale = 1, .dq = dq, .dkeys = dkeys});
    };
  });
}

template <class T>
void add_symmetric_info_nce() {
  index_t const n = videos, c = contrast;
  add<T>("symmetric_info_nce_forward/512x128", {product(n, n, c), 0}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}, unit), other = random<T>(b, shape{n, c}, unit),
            rows = random<stat_t<T>>(b, shape{n}), columns = random<stat_t<T>>(b, shape{n}),
            loss = random<stat_t<T>>(b, shape{index_t{1}}), correct = numbers(b, 2, 1, 1)]() mutable {
      symmetric_info_nce_forward(b, x,
                                 {.other = other,
                                  .temperature = 0.2,
                                  .lse_rows = rows,
                                  .lse_columns = columns,
                                  .loss = loss,
                                  .correct = correct});
    };
  });
  add<T>("symmetric_info_nce_backward/512x128", {3 * product(n, n, c), 0}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}, unit), other = random<T>(b, shape{n, c}, unit),
            rows = random<stat_t<T>>(b, shape{n}, 9), columns = random<stat_t<T>>(b, shape{n}, 9),
            dx = random<T>(b, shape{n, c}), dother = random<T>(b, shape{n, c})]() mutable {
      symmetric_info_nce_backward(b, x,
                                  {.other = other,
                                   .temperature = 0.2,
                                   .lse_rows = rows,
                                   .lse_columns = columns,
                                   .scale = 1,
                                   .da = dx,
                                   .dother = dother});
    };
  });
}

template <class T>
void add_cross_entropy() {
  index_t const n = videos * set_clips, classes = 400;
  add<T>("cross_entropy_forward/4096x400", {0, bytes<T>(n * classes)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, classes}), labels = numbers(b, n, 7, classes),
            loss = random<stat_t<T>>(b, shape{index_t{1}}), lse = random<stat_t<T>>(b, shape{n})]() mutable {
      cross_entropy_forward(b, x, {.labels = labels, .loss = loss, .lse = lse});
    };
  });
  add<T>("cross_entropy_backward/4096x400", {0, bytes<T>(2 * n * classes)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, classes}), labels = numbers(b, n, 7, classes),
            lse = random<stat_t<T>>(b, shape{n}, 9), dx = random<T>(b, shape{n, classes})]() mutable {
      cross_entropy_backward(b, x, {.labels = labels, .lse = lse, .scale = 1, .dlogits = dx});
    };
  });
}

template <class T>
void add_top_k() {
  index_t const m = 2000, n = 20'000, d = 1024, k = 20;
  add<T>("top_k_dot/2000x20000x1024", {product(m, n, d), 0}, [=](context const& b) {
    return [=, q = random<T>(b, shape{m, d}), bank = random<T>(b, shape{n, d}, 0.5f),
            score = random<stat_t<T>>(b, shape{m, k}),
            index = tensor<std::int32_t, 2, context>(b, shape{m, k})]() mutable {
      top_k_dot(b, q, {.bank = bank, .score = score, .index = index});
    };
  });
}

template <class T>
void add_all() {
  add_info_nce<T>();
  add_symmetric_info_nce<T>();
  add_cross_entropy<T>();
  add_top_k<T>();
}

}  // namespace

void add_losses() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
