// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which layer of a residual network on clips reads and writes which buffer, for clips of one shape.

#include <scale/backbone/video_resnet/architecture.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale {

/// `ping` and `pong` hold inputs and outputs of blocks, `even` and `odd` what lies between a block's layers.
enum class video_resnet_buffer { clip, ping, pong, even, odd };
inline constexpr std::size_t video_resnet_buffers = 5;

struct video_resnet_step {
  enum class kind { convolution, max_pool } what;
  std::size_t layer;  // which, as for_each_layer counts; the last one before a max-pool
  video_resnet_buffer from, to;
  bool adds;         // to what `to` holds: the block's input, or its shortcut
  shape<5> in, out;  // [1, c, t, h, w]
  int finished;      // index of the block whose output `to` holds after this step, or -1
};

/// For a clip [1, 3, t, h, w]. A block without shortcut writes its sum over its input, so two buffers do for all.
inline std::vector<video_resnet_step> video_resnet_schedule(std::vector<video_resnet_block> const& blocks,
                                                            shape<5> clip) {
  using buffer = video_resnet_buffer;
  using kind = video_resnet_step::kind;
  std::vector<video_resnet_step> steps;
  std::size_t layer = 0;
  buffer current = buffer::clip;
  shape<5> x = clip;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    video_resnet_block const& block = blocks[b];
    buffer const other = current == buffer::ping ? buffer::pong : buffer::ping;
    buffer const target = block.sum == video_resnet_sum::input ? current : other;
    if (block.sum == video_resnet_sum::shortcut)
      steps.push_back({kind::convolution, layer++, current, target, false, x, block.shortcut.output(x), -1});
    buffer from = current;
    for (std::size_t i = 0; i < block.layers.size(); ++i) {
      bool const last = i + 1 == block.layers.size();
      buffer const to = last && !block.max_pool ? target : i % 2 == 0 ? buffer::even : buffer::odd;
      shape<5> const y = block.layers[i].output(x);
      steps.push_back({kind::convolution, layer++, from, to, last && block.sum != video_resnet_sum::none, x, y, -1});
      from = to;
      x = y;
    }
    if (block.max_pool) {
      shape<5> y = x;
      for (int axis : {3, 4}) y[axis] = (x[axis] - 1) / 2 + 1;
      steps.push_back({kind::max_pool, layer - 1, from, target, false, x, y, -1});
      x = y;
    }
    steps.back().finished = static_cast<int>(b);
    current = target;
  }
  return steps;
}

/// Elements that a buffer needs for these steps.
inline index_t elements_needed(std::vector<video_resnet_step> const& steps, video_resnet_buffer which) {
  index_t most = 0;
  for (video_resnet_step const& step : steps)
    if (step.to == which) most = (std::max)(most, step.out.size());
  return most;
}

}  // namespace scale
