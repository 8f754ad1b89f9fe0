// SPDX-License-Identifier: Apache-2.0
#pragma once
// The feature store's file format, version 1: what lies where. Everything little-endian; sections begin at multiples of
// 64, zeros between them.
//
//   header        256 bytes: file_header, whose last field is the CRC-32C of all before it
//   features      [rows, D] f16 or f32, video after video
//   positions     [rows, 7] f32, normalised to [0, 1] per video
//   raw           [rows, 7] f32, in pixels and frames
//   records       one video_row per video
//   strings       per video: its name, then its columns, each as u32 length and bytes
//   description   JSON: provenance, columns, classes, failures (name, its index in the list, reason;
//                 name_hex where the name is not UTF-8)
//
// A video's own checksum covers its features, positions and raw positions, in this order.

#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace scale {

inline constexpr index_t store_position_width = 7;  // flip, h0, w0, h1, w1, t0, t1

/// A video that gave no features, and why.
struct store_failure {
  std::string name;
  std::string reason;
  index_t index = 0;  // in the list of videos
};

/// Keys that every store's provenance has: what it takes to extract the same again. More are welcome.
inline constexpr std::string_view provenance_keys[] = {
    "backbone",      "weights_sha256", "views",  "pixel_mean", "pixel_std", "decoder",   "decoder_version",
    "colour_matrix", "seed",           "frames", "size",       "stride",    "frame_pool"};

/// Provenance of a store that is one shard of an extraction: {"index", "count", "videos"}, videos being those of the
/// whole list. It holds the videos whose index in the list, modulo count, is `index`: perhaps none.
inline constexpr char const* store_shard_key = "shard";

namespace detail::store {

inline constexpr char magic[8] = {'\x89', 'S', 'C', 'F', 'S', '\r', '\n', '\x1a'};
inline constexpr std::uint32_t version = 1;
inline constexpr std::uint32_t byte_order_mark = 0x01020304;
inline constexpr std::size_t alignment = 64;
inline constexpr std::uint32_t type_f16 = 1, type_f32 = 2;

struct section {
  std::uint64_t begin = 0, size = 0;  // bytes
};

struct file_header {
  char magic[8] = {};
  std::uint32_t version = 0, byte_order = 0;
  std::uint32_t header_size = 0, feature_type = 0;
  std::uint32_t feature_width = 0, position_width = 0;
  std::uint64_t videos = 0, rows = 0;
  std::uint64_t clips = 0;  // per video; 0 where videos differ
  std::uint64_t file_size = 0;
  section features, positions, raw, records, strings, description;
  std::uint32_t records_crc = 0, strings_crc = 0, description_crc = 0;
  std::uint32_t reserved[20] = {};
  std::uint32_t header_crc = 0;
};
static_assert(sizeof(file_header) == 256 && std::is_trivially_copyable_v<file_header>);

struct video_row {
  std::uint64_t row_begin = 0, frames = 0;
  double fps = 0;
  std::uint64_t strings_begin = 0;
  std::uint32_t strings_size = 0, rows = 0;
  std::int32_t label = -1;
  std::uint32_t width = 0, height = 0;
  std::uint32_t crc = 0;
  std::uint32_t reserved[2] = {};
};
static_assert(sizeof(video_row) == 64 && std::is_trivially_copyable_v<video_row>);

inline constexpr std::uint64_t aligned(std::uint64_t position) {
  return (position + alignment - 1) / alignment * alignment;
}

}  // namespace detail::store

}  // namespace scale
