// SPDX-License-Identifier: Apache-2.0
#pragma once
// A feature store's arrays as .npy files, for tools that read those.

#include <scale/core/error.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/io/npy.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace scale {

namespace detail {

inline void export_rows(std::filesystem::path const& path, feature_store const& store, stored_type type, index_t width,
                        std::span<std::byte const> bytes) {
  std::vector<index_t> extents = {store.rows(), width};
  if (store.is_uniform()) extents = {store.videos(), store.clips(), width};
  write_npy(path, {"", type, extents, bytes});
}

}  // namespace detail

/// [N, V, D], or [R, D] where videos differ in clips; f16 or f32 as stored.
inline void export_features(feature_store const& store, std::filesystem::path const& path) {
  detail::export_rows(path, store, store.feature_type(), store.feature_width(), store.raw_features());
}

enum class position_kind { normalised, raw };

/// [N, V, 7], or [R, 7] where videos differ in clips; f32.
inline void export_positions(feature_store const& store, std::filesystem::path const& path,
                             position_kind kind = position_kind::normalised) {
  detail::export_rows(
      path, store, stored_type::f32, store_position_width,
      std::as_bytes(kind == position_kind::raw ? store.raw_position_values() : store.position_values()));
}

/// [N], i32; -1 where a video has no label.
inline void export_labels(feature_store const& store, std::filesystem::path const& path) {
  std::vector<std::int32_t> const labels = store.labels();
  write_npy(path, as_stored("", {store.videos()}, std::span<std::int32_t const>(labels)));
}

/// [R], i32: the video of each row, for stores whose videos differ in clips.
inline void export_row_videos(feature_store const& store, std::filesystem::path const& path) {
  std::vector<std::int32_t> videos;
  for (index_t video = 0; video < store.videos(); ++video)
    videos.insert(videos.end(), static_cast<std::size_t>(store.record(video).rows), static_cast<std::int32_t>(video));
  write_npy(path, as_stored("", {store.rows()}, std::span<std::int32_t const>(videos)));
}

}  // namespace scale
