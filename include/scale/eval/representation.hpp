// SPDX-License-Identifier: Apache-2.0
#pragma once
// Representations of whole videos: the means over a video's clips of x and h, and the set's summary cls.

#include <scale/eval/clip_features.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/eval/host_matrix.hpp>
#include <scale/nn/encoding_step.hpp>
#include <scale/ops/group_mean.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace scale {

/// A pre-trained set transformer, borrowed: what turns clips into h and cls.
template <floating T, backend B>
struct trained_encoder {
  set_transformer_model<T, B> const* model = nullptr;
  input_kind input = input_kind::paper;
};

/// One row per video. h and cls are empty (no rows) without a model.
template <class T>
struct video_representation {
  host_matrix<T> x;    // [videos, D] mean of the backbone's features
  host_matrix<T> h;    // [videos, H] mean of the contextual features
  host_matrix<T> cls;  // [videos, H]
};

/// What a classifier of whole videos sees: the parts beside each other, in the order of clip_features. (Averaged over
/// clips h and the mean of h are the same.)
template <class T>
host_matrix<T> compose(video_representation<T> const& r, clip_features features, location at = location::current()) {
  std::vector<host_matrix<T> const*> parts;
  if (has(features, clip_features::x)) parts.push_back(&r.x);
  if (has(features, clip_features::h)) parts.push_back(&r.h);
  if (has(features, clip_features::mean_h)) parts.push_back(&r.h);
  if (has(features, clip_features::cls)) parts.push_back(&r.cls);
  expect(!parts.empty(), "compose", "no features are asked for", at);
  if (needs_model(features) && r.cls.rows != r.x.rows)
    throw_expected("compose", "features " + name_of(features), "a representation made with a model", "one without", at);
  return join_columns<T>(parts, at);
}

struct representation_options {
  index_t batch = 64;      // videos at a time; results do not depend on it but for rounding
  std::stop_token stop{};  // throws cancelled_error between batches
};

/// All stored clips of each video as one set. `encoder` null: x alone. Deterministic.
template <floating T, backend B>
video_representation<stat_t<T>> represent(B const& b, clip_source<T, B> const& source,
                                          trained_encoder<T, B> const* encoder,
                                          representation_options const& options = {},
                                          location at = location::current()) {
  using stat = stat_t<T>;
  index_t const n = source.videos(), v = source.clips(), d = source.width();
  expect(options.batch >= 1 && v >= 1, "represent", "batch and the clips of a video must be at least 1", at);
  input_kind const input = encoder == nullptr ? input_kind::paper : encoder->input;
  check(source, input, at);
  index_t const width = encoder == nullptr ? 0 : encoder->model->config().width, batch = (std::min)(options.batch, n);
  if (encoder != nullptr && encoder->model->config().features != d)
    throw_expected("represent", "features of the store", std::to_string(encoder->model->config().features),
                   std::to_string(d), at);
  video_representation<stat> out{{n, d}, {}, {}};
  if (n == 0) return out;
  clip_selection<B> selection(b, batch, v);
  tensor<T, 2, B> x(b, shape{batch * v, d}), mean_x(b, shape{batch, d}), centred, position, h, mean_h, cls;
  std::optional<encoding_step<T, B>> transformer;
  if (encoder != nullptr) {
    out.h = host_matrix<stat>(n, width);
    out.cls = host_matrix<stat>(n, width);
    position = tensor<T, 2, B>(b, shape{batch * v, position_width});
    mean_h = tensor<T, 2, B>(b, shape{batch, width});
    if (input == input_kind::centred) centred = tensor<T, 2, B>(b, shape{batch * v, d});
    h = tensor<T, 2, B>(b, shape{batch * v, width});
    cls = tensor<T, 2, B>(b, shape{batch, width});
    transformer.emplace(b, encoder->model->config(), encoder->model->parameters().table(), pass::inference, batch, v,
                        at);
  }
  auto const keep = [&](tensor_view<T const, 2, B> rows, host_matrix<stat>& to, index_t first) {
    std::vector<T> values(std::size_t(rows.size()));
    download(b, rows, std::span<T>(values));
    std::copy(values.begin(), values.end(), to.row(first).begin());
  };
  std::vector<std::int32_t> video, clip;
  for (index_t first = 0; first < n; first += batch) {
    if (options.stop.stop_requested()) throw cancelled_error("represent: stopped on request");
    index_t const count = (std::min)(batch, n - first), rows = count * v;
    video.resize(std::size_t(count));
    std::iota(video.begin(), video.end(), static_cast<std::int32_t>(first));
    clip.resize(std::size_t(rows));
    for (std::size_t i = 0; i < clip.size(); ++i) clip[i] = static_cast<std::int32_t>(index_t(i) % v);
    selection.assign(b, video, clip);
    selection.gather_features(b, source, input_kind::paper, x.view().rows(0, rows));
    group_mean_forward(b, x.view().rows(0, rows), {.group = v, .y = mean_x.view().rows(0, count)});
    keep(mean_x.view().rows(0, count), out.x, first);
    if (!transformer) continue;
    tensor_view<T const, 2, B> in = x.view().rows(0, rows);
    if (input == input_kind::centred) {
      selection.gather_features(b, source, input, centred.view().rows(0, rows));
      in = centred.view().rows(0, rows);
    }
    selection.gather_positions(b, source, position.view().rows(0, rows));
    transformer->encode(b, encoder->model->parameters(),
                        {.x = in, .position = position.view().rows(0, rows), .clips = v},
                        {.h = h.view().rows(0, rows), .cls = cls.view().rows(0, count)});
    group_mean_forward(b, h.view().rows(0, rows), {.group = v, .y = mean_h.view().rows(0, count)});
    keep(mean_h.view().rows(0, count), out.h, first);
    keep(cls.view().rows(0, count), out.cls, first);
  }
  return out;
}

}  // namespace scale
