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

/// Steps for clips of one shape. Blocks at the front that look at each frame by itself run on a few frames at a time,
/// so that what passes between layers stays in the caches; the others then run on all frames.
struct video_resnet_schedule {
  std::vector<video_resnet_step> by_frames, by_clip;
  index_t frames_at_once = 0;                              // of by_frames; divides the clip's
  index_t frame_size = 0;                                  // elements of a frame of what by_frames gives
  video_resnet_buffer joined = video_resnet_buffer::clip;  // holds what by_frames gives, frame after frame

  /// Elements that a buffer needs.
  index_t elements_needed(video_resnet_buffer which, index_t frames) const {
    index_t most = 0, behind = which == joined ? (frames - frames_at_once) * frame_size : 0;
    for (video_resnet_step const& step : by_frames)
      if (step.to == which) most = (std::max)(most, step.out.size() + behind);
    for (video_resnet_step const& step : by_clip)
      if (step.to == which) most = (std::max)(most, step.out.size());
    return most;
  }
};

namespace detail {

/// Where the steps so far have got to.
struct video_resnet_progress {
  shape<5> x;
  video_resnet_buffer current = video_resnet_buffer::clip;
  std::size_t layer = 0, block = 0;
};

/// Appends the steps of the next block. One without shortcut writes its sum over its input, so two buffers do for all.
inline void append_block(std::vector<video_resnet_step>& steps, video_resnet_block const& block,
                         video_resnet_progress& at) {
  using buffer = video_resnet_buffer;
  using kind = video_resnet_step::kind;
  buffer const other = at.current == buffer::ping ? buffer::pong : buffer::ping;
  buffer const target = block.sum == video_resnet_sum::input ? at.current : other;
  if (block.sum == video_resnet_sum::shortcut)
    steps.push_back({kind::convolution, at.layer++, at.current, target, false, at.x, block.shortcut.output(at.x), -1});
  buffer from = at.current;
  for (std::size_t i = 0; i < block.layers.size(); ++i) {
    bool const last = i + 1 == block.layers.size();
    buffer const to = last && !block.max_pool ? target : i % 2 == 0 ? buffer::even : buffer::odd;
    shape<5> const y = block.layers[i].output(at.x);
    bool const adds = last && block.sum != video_resnet_sum::none;
    steps.push_back({kind::convolution, at.layer++, from, to, adds, at.x, y, -1});
    from = to;
    at.x = y;
  }
  if (block.max_pool) {
    shape<5> y = at.x;
    for (int axis : {3, 4}) y[axis] = (at.x[axis] - 1) / 2 + 1;
    steps.push_back({kind::max_pool, at.layer - 1, from, target, false, at.x, y, -1});
    at.x = y;
  }
  steps.back().finished = static_cast<int>(at.block++);
  at.current = target;
}

/// Blocks at the front whose layers look at single frames.
inline std::size_t blocks_by_frames(std::vector<video_resnet_block> const& blocks) {
  auto const by_frame = [](video_resnet_layer const& layer) { return layer.kernel[0] == 1 && layer.stride[0] == 1; };
  std::size_t n = 0;
  for (; n < blocks.size(); ++n) {
    video_resnet_block const& block = blocks[n];
    bool const shortcut = block.sum != video_resnet_sum::shortcut || by_frame(block.shortcut);
    if (!shortcut || !std::all_of(block.layers.begin(), block.layers.end(), by_frame)) break;
  }
  return n;
}

}  // namespace detail

/// For a clip [1, 3, t, h, w]; by_frames runs on as many frames at a time as divide t and have at most `most_elements`
/// in any activation, at least on one.
inline video_resnet_schedule make_video_resnet_schedule(std::vector<video_resnet_block> const& blocks,
                                                        shape<5> const& clip, index_t most_elements) {
  std::size_t const front = detail::blocks_by_frames(blocks);
  auto const on_frames = [&](index_t frames, detail::video_resnet_progress& at) {
    at.x = clip;
    at.x[2] = frames;
    std::vector<video_resnet_step> steps;
    while (at.block < front) detail::append_block(steps, blocks[at.block], at);
    return steps;
  };
  detail::video_resnet_progress one;
  index_t largest = 1;
  for (video_resnet_step const& step : on_frames(1, one)) largest = (std::max)(largest, step.out.size());
  video_resnet_schedule schedule;
  schedule.frames_at_once = (std::clamp)(most_elements / largest, index_t{1}, clip[2]);
  while (clip[2] % schedule.frames_at_once != 0) --schedule.frames_at_once;
  schedule.frame_size = one.x.size();
  detail::video_resnet_progress at;
  schedule.by_frames = on_frames(schedule.frames_at_once, at);
  schedule.joined = at.current;
  at.x[2] = clip[2];
  while (at.block < blocks.size()) detail::append_block(schedule.by_clip, blocks[at.block], at);
  return schedule;
}

}  // namespace scale
