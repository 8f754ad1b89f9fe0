// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which clips of a batch of sets are projected, placed and put out: row numbers from mask and lengths, on the host.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// What of the last block is used afterwards.
enum class token_outputs {
  all,             // every set's summary and every clip that exists
  masked,          // summaries and masked clips: pre-training
  summaries_only,  // summaries
};

/// Clip numbers count set * clips + j, token numbers set * (1 + clips), plus 1 + j for a clip. All lists ascend.
struct token_selection {
  index_t sets = 0;
  index_t clips = 0;
  std::vector<std::int32_t> source;        // [sets * clips]  row of the projections, or -1 where masked
  std::vector<std::int32_t> projected;     // clips that exist and are not masked
  std::vector<std::int32_t> placed;        // clips that exist
  std::vector<std::int32_t> wanted;        // tokens put out
  std::vector<std::int32_t> summary_rows;  // [sets]  place of each set's token 0 in `wanted`
  std::vector<std::int32_t> clip_rows;     // places of the clips put out in `wanted`
  std::vector<std::int32_t> clip_numbers;  // those clips

  index_t clip_count() const { return sets * clips; }
  index_t token_count() const { return sets * (1 + clips); }
  index_t padded() const { return clip_count() - static_cast<index_t>(placed.size()); }
  bool all_projected() const { return static_cast<index_t>(projected.size()) == clip_count(); }
  bool all_placed() const { return static_cast<index_t>(placed.size()) == clip_count(); }
  bool all_wanted() const { return static_cast<index_t>(wanted.size()) == token_count(); }

  /// So that select allocates nothing up to these sizes.
  void reserve(index_t max_sets, index_t max_clips) {
    auto const n = static_cast<std::size_t>(max_sets * max_clips), m = static_cast<std::size_t>(max_sets);
    for (auto* list : {&source, &projected, &placed, &clip_rows, &clip_numbers}) list->reserve(n);
    wanted.reserve(n + m);
    summary_rows.reserve(m);
  }

  /// `mask` [set_count * clip_extent] (not 0: masked) and `lengths` [set_count], each in [1, clip_extent], may be
  /// empty. A clip beyond its set's length does not exist: rows of zeros behind the projections stand for it.
  void select(index_t set_count, index_t clip_extent, std::span<std::uint8_t const> mask,
              std::span<std::int32_t const> lengths, token_outputs outputs, location at = location::current()) {
    constexpr auto op = "token_selection";
    sets = set_count;
    clips = clip_extent;
    if (sets < 0 || clips < 1 || token_count() > (std::numeric_limits<std::int32_t>::max)())
      throw_expected(op, "sets, clips", "at least 0 and 1, below 2^31 tokens",
                     std::to_string(sets) + ", " + std::to_string(clips), at);
    if (!mask.empty() && static_cast<index_t>(mask.size()) != clip_count())
      throw_expected(op, "mask size", std::to_string(clip_count()), std::to_string(mask.size()), at);
    if (!lengths.empty() && static_cast<index_t>(lengths.size()) != sets)
      throw_expected(op, "lengths size", std::to_string(sets), std::to_string(lengths.size()), at);
    for (auto* list : {&source, &projected, &placed, &wanted, &summary_rows, &clip_rows, &clip_numbers}) list->clear();
    for (index_t set = 0; set < sets; ++set) {
      index_t const length = lengths.empty() ? clips : lengths[static_cast<std::size_t>(set)];
      if (length < 1 || length > clips)
        throw_expected(op, "lengths[" + std::to_string(set) + "]", "in [1, " + std::to_string(clips) + "]",
                       std::to_string(length), at);
      select_set(set, length, mask, outputs);
    }
    std::int32_t behind = static_cast<std::int32_t>(projected.size());
    for (std::int32_t& row : source)
      if (row == padding) row = behind++;
  }

 private:
  static constexpr std::int32_t padding = -2;

  void select_set(index_t set, index_t length, std::span<std::uint8_t const> mask, token_outputs outputs) {
    auto const first_token = static_cast<std::int32_t>(set * (1 + clips));
    summary_rows.push_back(static_cast<std::int32_t>(wanted.size()));
    wanted.push_back(first_token);
    for (index_t j = 0; j < clips; ++j) {
      auto const clip = static_cast<std::int32_t>(set * clips + j);
      if (j >= length) {
        source.push_back(padding);
        continue;
      }
      bool const masked = !mask.empty() && mask[static_cast<std::size_t>(clip)] != 0;
      placed.push_back(clip);
      source.push_back(masked ? -1 : static_cast<std::int32_t>(projected.size()));
      if (!masked) projected.push_back(clip);
      if (outputs == token_outputs::summaries_only || (outputs == token_outputs::masked && !masked)) continue;
      clip_rows.push_back(static_cast<std::int32_t>(wanted.size()));
      clip_numbers.push_back(clip);
      wanted.push_back(first_token + 1 + static_cast<std::int32_t>(j));
    }
  }
};

}  // namespace scale
