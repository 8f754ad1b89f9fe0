// SPDX-License-Identifier: Apache-2.0
// gather_rows and gather_clips.
#include <scale/cpu/gather_clips.hpp>
#include <scale/cpu/gather_rows.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

template <class T>
void add_gather_rows() {
  double const moved = bytes<T>(2 * masked * width);
  add<T>("gather_rows_forward/2048_of_9216x256", {0, moved}, [=](context const& b) {
    return [=, x = random<T>(b, shape{token_rows, width}), index = numbers(b, masked, 4, token_rows),
            y = random<T>(b, shape{masked, width})]() mutable { gather_rows_forward(b, x, {.index = index, .y = y}); };
  });
  add<T>("gather_rows_backward/2048_of_9216x256", {0, 1.5 * moved}, [=](context const& b) {
    return [=, dx = random<T>(b, shape{token_rows, width}), index = numbers(b, masked, 4, token_rows),
            dy = random<T>(b, shape{masked, width})]() mutable {
      gather_rows_backward(b, dy, {.index = index, .dx = dx});
    };
  });
}

/// A batch from a store of S: 512 of 4,096 videos, all 16 clips of each in another order.
template <class T, class S>
void add_gather_clips() {
  index_t const stored = 4096, clips = 16, rows = videos * clips;
  double const moved = bytes<T>(rows * features) + bytes<S>(rows * features);
  auto const places = [=](context const& b) {
    tensor<std::int32_t, 2, context> clip(b, shape{videos, clips});
    for (index_t i = 0; i < clip.size(); ++i) clip.data_handle()[i] = static_cast<std::int32_t>((i * 5 + 3) % clips);
    return clip;
  };
  std::string const from = "from_" + std::string(name_of(dtype_of<S>));
  add<T>("gather_clips/" + from + "/8192x768", {0, moved}, [=](context const& b) {
    return [=, store = random<S>(b, shape<3>{{stored, clips, features}}), video = numbers(b, videos, 1237, stored),
            clip = places(b), y = random<T>(b, shape{rows, features})]() mutable {
      gather_clips(b, store, y, {.video = video, .clip = clip});
    };
  });
  add<T>("gather_clips/" + from + "_centred/8192x768", {0, moved}, [=](context const& b) {
    return [=, store = random<S>(b, shape<3>{{stored, clips, features}}), video = numbers(b, videos, 1237, stored),
            clip = places(b), mean = random<stat_t<T>>(b, shape{stored, features}),
            scale = random<stat_t<T>>(b, shape{features}), y = random<T>(b, shape{rows, features})]() mutable {
      gather_clips(b, store, y, {.video = video, .clip = clip, .mean = mean, .inverse_scale = scale});
    };
  });
}

template <class T>
void add_all() {
  add_gather_rows<T>();
  add_gather_clips<T, f16>();
  add_gather_clips<T, float>();
}

}  // namespace

void add_gathers() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
