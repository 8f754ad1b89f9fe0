// SPDX-License-Identifier: Apache-2.0
#pragma once
// A feature store opened for reading: memory-mapped, checked, its arrays seen without copies.

#include <scale/core/backend.hpp>
#include <scale/core/tensor_view.hpp>
#include <scale/data/store_format.hpp>
#include <scale/data/store_tables.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/sha256.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

/// Whether a store may be without videos, as a shard can be whose videos all failed.
enum class store_videos { some, perhaps_none };

/// What the user of a store relies on; what is not given is not asked for.
struct store_expectation {
  std::optional<std::string> backbone = {}, weights_sha256 = {}, views = {}, frame_pool = {};
  std::optional<index_t> feature_width = {};
  std::optional<index_t> clips = {};     // per video, all the same
  std::optional<stored_type> type = {};  // F16 or F32
  store_videos videos = store_videos::some;
};

/// Whether a file begins as feature stores do, whole or damaged; false where no regular file can be read.
inline bool is_feature_store(std::filesystem::path const& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream in(path, std::ios::binary);
  char head[sizeof(detail::store::magic)] = {};
  return in.read(head, sizeof(head)) && std::equal(std::begin(head), std::end(head), detail::store::magic);
}

/// N videos, R rows (clips) in all, D numbers per feature. Everything seen through it borrows from it. Reading from
/// several threads is safe. No feature or position is handed out before its video's checksum was found right: whatever
/// shows them throws input_error, naming the video, where it is not. A video is checked once, those of all videos when
/// the whole array is asked for.
class feature_store {
 public:
  /// Checks header and tables; features and positions are checked when they are asked for. Throws input_error, naming
  /// the file, for a damaged or half-written file, another version, and anything that differs from `expected`.
  explicit feature_store(std::filesystem::path const& path, store_expectation const& expected = {})
      : file_(path),
        header_(detail::store::read_header(path, file_.bytes())),
        tables_(detail::store::read_tables(path, file_.bytes(), header_)),
        checked_(std::make_unique<std::atomic<bool>[]>(tables_.records.size())) {
    check(expected);
    if (videos() > 0) return;
    if (!provenance().contains(store_shard_key)) refuse_file(path, "holds no videos: damaged");
    if (expected.videos == store_videos::some)
      refuse_file(path, "a shard in which no video gave features; merge the shards, and use the whole");
  }

  std::filesystem::path const& path() const { return file_.path(); }
  index_t videos() const { return static_cast<index_t>(header_.videos); }
  index_t rows() const { return static_cast<index_t>(header_.rows); }
  index_t feature_width() const { return static_cast<index_t>(header_.feature_width); }
  stored_type feature_type() const {
    return header_.feature_type == detail::store::type_f16 ? stored_type::f16 : stored_type::f32;
  }

  /// Whether all videos have the same number of clips.
  bool is_uniform() const { return header_.clips != 0; }

  /// Clips per video. Throws input_error where videos differ.
  index_t clips() const {
    if (!is_uniform()) refuse_file(path(), "expected the same number of clips for every video; they differ");
    return static_cast<index_t>(header_.clips);
  }

  store_record const& record(index_t video, location at = location::current()) const {
    expect(video >= 0 && video < videos(), "feature_store", "video " + std::to_string(video) + " does not exist", at);
    return tables_.records[static_cast<std::size_t>(video)];
  }

  nlohmann::json const& provenance() const { return tables_.provenance; }
  std::vector<std::string> const& columns() const { return tables_.columns; }
  std::vector<std::string> const& classes() const { return tables_.classes; }
  std::vector<store_failure> const& failures() const { return tables_.failures; }

  /// A video's text in a column of the manifest. Throws input_error where the store has no such column.
  std::string_view column(index_t video, std::string_view name, location at = location::current()) const {
    auto const found = std::find(columns().begin(), columns().end(), name);
    if (found == columns().end()) {
      std::string known;
      for (std::string const& column : columns()) known += " " + column;
      refuse_file(path(), "column '" + printable(name) + "' does not exist; there are:" + known);
    }
    return record(video, at).columns[static_cast<std::size_t>(found - columns().begin())];
  }

  /// Labels of all videos; -1 where unlabelled.
  std::vector<std::int32_t> labels() const {
    std::vector<std::int32_t> out;
    out.reserve(tables_.records.size());
    for (store_record const& row : tables_.records) out.push_back(row.label);
    return out;
  }

  /// Features as stored, [R, D], row-major.
  std::span<std::byte const> raw_features() const {
    require_whole();
    return part(header_.features);
  }

  /// Features as stored of one video, [V, D].
  std::span<std::byte const> raw_features(index_t video, location at = location::current()) const {
    require_whole(record(video, at), video);
    return features_in_file(record(video, at));
  }

  /// Features [N, V, D] of a uniform store without copying; T is f16 or float, as stored.
  template <host_backend B, class T>
  tensor_view<T const, 3, B> features(location at = location::current()) const {
    require_whole();
    return {feature_data<T>(at), shape<3>{{videos(), clips(), feature_width()}}};
  }

  /// Features [V, D] of one video without copying.
  template <host_backend B, class T>
  tensor_view<T const, 2, B> features_of(index_t video, location at = location::current()) const {
    store_record const& row = record(video, at);
    require_whole(row, video);
    return {feature_data<T>(at) + row.row_begin * feature_width(), shape<2>{{row.rows, feature_width()}}};
  }

  /// All features [R, D] without copying.
  template <host_backend B, class T>
  tensor_view<T const, 2, B> feature_rows(location at = location::current()) const {
    require_whole();
    return {feature_data<T>(at), shape<2>{{rows(), feature_width()}}};
  }

  /// Positions [R, 7], row-major: normalised; in pixels and frames.
  std::span<float const> position_values() const {
    require_whole();
    return floats(header_.positions);
  }
  std::span<float const> raw_position_values() const {
    require_whole();
    return floats(header_.raw);
  }

  /// Normalised positions, [R, 7] without copying; raw_position_rows likewise in pixels and frames.
  template <host_backend B>
  tensor_view<float const, 2, B> position_rows() const {
    return {position_values().data(), shape<2>{{rows(), store_position_width}}};
  }

  template <host_backend B>
  tensor_view<float const, 2, B> raw_position_rows() const {
    return {raw_position_values().data(), shape<2>{{rows(), store_position_width}}};
  }

  /// Normalised positions [N, V, 7] of a uniform store.
  template <host_backend B>
  tensor_view<float const, 3, B> positions() const {
    return {position_values().data(), shape<3>{{videos(), clips(), store_position_width}}};
  }

  /// Positions [V, 7] of one video.
  std::span<float const> positions_of(index_t video, location at = location::current()) const {
    require_whole(record(video, at), video);
    return positions_in_file(header_.positions, record(video, at));
  }
  std::span<float const> raw_positions_of(index_t video, location at = location::current()) const {
    require_whole(record(video, at), video);
    return positions_in_file(header_.raw, record(video, at));
  }

  /// Features [V, D] of one video as T (float or double), exactly. Writes to `out`, which must hold V * D.
  template <std::floating_point T>
  void read_features(index_t video, std::span<T> out, location at = location::current()) const {
    store_record const& row = record(video, at);
    expect(out.size() == static_cast<std::size_t>(row.rows * feature_width()), "feature_store::read_features",
           "out must hold V * D numbers", at);
    require_whole(row, video);
    read_rows(row.row_begin, out);
  }

  /// Features of `clip` (within `video`) as T, to `out` [D].
  template <std::floating_point T>
  void read_clip(index_t video, index_t clip, std::span<T> out, location at = location::current()) const {
    store_record const& row = record(video, at);
    expect(clip >= 0 && clip < row.rows, "feature_store::read_clip", "this clip does not exist", at);
    expect(out.size() == static_cast<std::size_t>(feature_width()), "feature_store::read_clip", "out must hold D", at);
    require_whole(row, video);
    read_rows(row.row_begin + clip, out);
  }

  template <std::floating_point T>
  std::vector<T> features_as(index_t video, location at = location::current()) const {
    std::vector<T> out(static_cast<std::size_t>(record(video, at).rows * feature_width()));
    read_features(video, std::span<T>(out), at);
    return out;
  }

  /// Videos whose features or positions differ from their checksum. Reads the whole file.
  std::vector<index_t> damaged_videos() const {
    std::vector<index_t> out;
    for (index_t video = 0; video < videos(); ++video)
      if (!is_whole(record(video), video)) out.push_back(video);
    return out;
  }

  /// Reads the whole file. Throws input_error where anything in it changed since it was written.
  void verify() const {
    detail::store::check_gaps(path(), file_.bytes(), header_);
    std::vector<index_t> const damaged = damaged_videos();
    if (damaged.empty()) return;
    refuse_file(path(), std::to_string(damaged.size()) + " of " + std::to_string(videos()) +
                            " videos are damaged, first '" + printable(record(damaged.front()).name) +
                            "': its checksum differs");
  }

  /// 64 digits that name this store's content: SHA-256 of the header and the tables, which hold all checksums. Cheap.
  std::string fingerprint() const {
    sha256 hash;
    hash.update(file_.bytes().first(sizeof(header_)));
    hash.update(part(header_.records));
    return hex_text(hash.finish());
  }

 private:
  std::span<std::byte const> part(detail::store::section const& s) const {
    return file_.bytes().subspan(static_cast<std::size_t>(s.begin), static_cast<std::size_t>(s.size));
  }

  std::span<float const> floats(detail::store::section const& s) const {
    return {reinterpret_cast<float const*>(part(s).data()), static_cast<std::size_t>(s.size / sizeof(float))};
  }

  std::span<std::byte const> features_in_file(store_record const& row) const {
    std::size_t const row_bytes = static_cast<std::size_t>(feature_width()) * size_of(feature_type());
    return part(header_.features)
        .subspan(static_cast<std::size_t>(row.row_begin) * row_bytes, static_cast<std::size_t>(row.rows) * row_bytes);
  }

  std::span<float const> positions_in_file(detail::store::section const& s, store_record const& row) const {
    return floats(s).subspan(static_cast<std::size_t>(row.row_begin * store_position_width),
                             static_cast<std::size_t>(row.rows * store_position_width));
  }

  bool is_whole(store_record const& row, index_t video) const {
    std::uint32_t const crc =
        crc32c(std::as_bytes(positions_in_file(header_.raw, row)),
               crc32c(std::as_bytes(positions_in_file(header_.positions, row)), crc32c(features_in_file(row))));
    checked_[static_cast<std::size_t>(video)] = crc == row.crc;
    return crc == row.crc;
  }

  void require_whole(store_record const& row, index_t video) const {
    if (!checked_[static_cast<std::size_t>(video)] && !is_whole(row, video))
      refuse_file(path(), "video '" + printable(row.name) + "' is damaged: its checksum differs");
  }

  void require_whole() const {
    for (index_t video = 0; video < videos(); ++video) require_whole(record(video), video);
  }

  template <class T>
  T const* feature_data(location at) const {
    if (stored_type_of<T>() != feature_type())
      throw_expected("feature_store", path().string() + ", type of features", name_of(stored_type_of<T>()),
                     name_of(feature_type()), at);
    return reinterpret_cast<T const*>(part(header_.features).data());
  }

  template <class T>
  void read_rows(index_t row, std::span<T> out) const {
    std::byte const* const all = part(header_.features).data();
    std::size_t const begin = static_cast<std::size_t>(row * feature_width());
    if (feature_type() == stored_type::f16) {
      f16 const* const from = reinterpret_cast<f16 const*>(all) + begin;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(static_cast<float>(from[i]));
    } else {
      float const* const from = reinterpret_cast<float const*>(all) + begin;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(from[i]);
    }
  }

  void check(store_expectation const& expected) const {
    auto const compare = [&](char const* what, auto const& wanted, auto const& found) {
      if (wanted && *wanted != found)
        refuse_file(path(), std::string("another store than asked for, ") + what + ": expected " + to_text(*wanted) +
                                ", found " + to_text(found));
    };
    compare("backbone", expected.backbone, text_of("backbone"));
    compare("SHA-256 of the weights", expected.weights_sha256, text_of("weights_sha256"));
    compare("views", expected.views, text_of("views"));
    compare("frame pool", expected.frame_pool, text_of("frame_pool"));
    compare("feature width", expected.feature_width, feature_width());
    compare("type of features", expected.type, feature_type());
    if (expected.clips && !is_uniform())
      refuse_file(path(), "expected " + std::to_string(*expected.clips) + " clips for every video; they differ");
    if (expected.clips) compare("clips per video", expected.clips, clips());
  }

  std::string text_of(char const* key) const {
    nlohmann::json const& value = provenance().at(key);
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  static std::string to_text(std::string const& text) { return "'" + printable(text) + "'"; }
  static std::string to_text(index_t number) { return std::to_string(number); }
  static std::string to_text(stored_type type) { return std::string(name_of(type)); }

  mapped_file file_;
  detail::store::file_header header_;
  detail::store::tables tables_;
  std::unique_ptr<std::atomic<bool>[]> checked_;  // by video: its checksum was right
};

}  // namespace scale
