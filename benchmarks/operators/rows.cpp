// SPDX-License-Identifier: Apache-2.0
// layer_norm, l2_normalize, softmax, group_mean and frame_pool: sums along or over rows.
#include <scale/cpu/frame_pool.hpp>
#include <scale/cpu/group_mean.hpp>
#include <scale/cpu/l2_normalize.hpp>
#include <scale/cpu/layer_norm.hpp>
#include <scale/cpu/softmax.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

std::string sizes(index_t n, index_t c) { return "/" + std::to_string(n) + "x" + std::to_string(c); }

template <class T>
void add_layer_norm(index_t n, index_t c) {
  add<T>("layer_norm_forward" + sizes(n, c), {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), gamma = random<T>(b, shape{c}), beta = random<T>(b, shape{c}),
            y = random<T>(b, shape{n, c}), mean = random<stat_t<T>>(b, shape{n}),
            rstd = random<stat_t<T>>(b, shape{n})]() mutable {
      layer_norm_forward(b, x, {.gamma = gamma, .beta = beta, .y = y, .mean = mean, .rstd = rstd});
    };
  });
  add<T>("layer_norm_backward" + sizes(n, c), {0, bytes<T>(3 * n * c)}, [=](context const& b) {
    return
        [=, x = random<T>(b, shape{n, c}), dy = random<T>(b, shape{n, c}), gamma = random<T>(b, shape{c}),
         dx = random<T>(b, shape{n, c}), mean = random<stat_t<T>>(b, shape{n}), rstd = random<stat_t<T>>(b, shape{n}),
         dgamma = random<acc_t<T>>(b, shape{c}), dbeta = random<acc_t<T>>(b, shape{c})]() mutable {
          layer_norm_backward(
              b, x, {.dy = dy, .gamma = gamma, .mean = mean, .rstd = rstd, .dx = dx, .dgamma = dgamma, .dbeta = dbeta});
        };
  });
}

template <class T>
void add_l2_normalize() {
  index_t const n = clip_rows, c = contrast;
  add<T>("l2_normalize_forward" + sizes(n, c), {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), y = random<T>(b, shape{n, c}),
            norm = random<stat_t<T>>(b, shape{n})]() mutable { l2_normalize_forward(b, x, {.y = y, .norm = norm}); };
  });
  add<T>("l2_normalize_backward" + sizes(n, c), {0, bytes<T>(3 * n * c)}, [=](context const& b) {
    return [=, y = random<T>(b, shape{n, c}), dy = random<T>(b, shape{n, c}), dx = random<T>(b, shape{n, c}),
            norm = random<stat_t<T>>(b, shape{n}, 4)]() mutable {
      l2_normalize_backward(b, y, {.dy = dy, .norm = norm, .dx = dx});
    };
  });
}

template <class T>
void add_softmax() {
  index_t const n = clip_rows, c = 400;
  add<T>("softmax_forward" + sizes(n, c), {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), y = random<T>(b, shape{n, c})]() mutable {
      softmax_forward(b, x, {.y = y});
    };
  });
  add<T>("softmax_backward" + sizes(n, c), {0, bytes<T>(3 * n * c)}, [=](context const& b) {
    return [=, y = random<T>(b, shape{n, c}), dy = random<T>(b, shape{n, c}),
            dx = random<T>(b, shape{n, c})]() mutable { softmax_backward(b, y, {.dy = dy, .dx = dx}); };
  });
}

template <class T>
void add_group_mean() {
  index_t const n = sets, c = features;
  double const moved = bytes<T>((1 + set_clips) * n * c);
  add<T>("group_mean_forward" + sizes(n * set_clips, c), {0, moved}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n * set_clips, c}), y = random<T>(b, shape{n, c})]() mutable {
      group_mean_forward(b, x, {.group = set_clips, .y = y});
    };
  });
  add<T>("group_mean_backward" + sizes(n * set_clips, c), {0, moved}, [=](context const& b) {
    return [=, dx = random<T>(b, shape{n * set_clips, c}), dy = random<T>(b, shape{n, c})]() mutable {
      group_mean_backward(b, dy, {.group = set_clips, .dx = dx});
    };
  });
}

template <class T>
void add_frame_pool() {
  index_t const clips = 64, frames = 16, c = 1280;
  for (frame_pooling const how : {frame_pooling::mean, frame_pooling::mean_and_motion}) {
    index_t const out = pooled_width(how, c);
    add<T>(std::string("frame_pool_") + (how == frame_pooling::mean ? "mean" : "mean_and_motion") +
               sizes(clips * frames, c),
           {0, bytes<T>(clips * frames * c, clips * out)}, [=](context const& b) {
             return [=, x = random<T>(b, shape{clips * frames, c}), y = random<T>(b, shape{clips, out})]() mutable {
               frame_pool(b, x, {.frames = frames, .how = how, .y = y});
             };
           });
  }
}

template <class T>
void add_all() {
  add_layer_norm<T>(token_rows, width);
  add_layer_norm<T>(patches, features);
  add_l2_normalize<T>();
  add_softmax<T>();
  add_group_mean<T>();
  add_frame_pool<T>();
}

}  // namespace

void add_rows() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
