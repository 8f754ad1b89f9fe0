// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing a feature store: videos one after another, in memory that does not grow with their features.

#include <scale/data/spill_file.hpp>
#include <scale/data/store_format.hpp>
#include <scale/io/atomic_file.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/json.hpp>
#include <scale/io/json_text.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// One video's results; V = its clips.
struct video_features {
  std::string name;
  std::vector<std::string> columns = {};  // one per store column
  std::int32_t label = -1;                // index into classes, or -1
  std::uint32_t width = 0, height = 0;
  std::uint64_t frames = 0;  // decoded
  double fps = 0;
  std::span<float const> features;       // [V, D]
  std::span<float const> positions;      // [V, 7], normalised
  std::span<float const> raw_positions;  // [V, 7]
};

namespace detail {

inline void expect_finite(std::string const& who, char const* what, std::span<float const> values, std::size_t width) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw input_error(who + what + " " + std::to_string(i % width) + " of clip " + std::to_string(i / width) +
                        " is " + (std::isnan(values[i]) ? "NaN" : "infinite"));
}

inline void expect_utf8(char const* what, std::vector<std::string> const& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!is_utf8(names[i]))
      throw input_error(std::string(what) + " " + std::to_string(i) + ": expected a name in UTF-8, found '" +
                        printable(names[i]) + "'; bring the list of videos to UTF-8");
}

}  // namespace detail

/// Throws input_error, its text begun with `who`, where a number of `video`, with `width` numbers per feature, cannot
/// be stored as `type`: NaN, infinite, or too large for f16.
inline void expect_storable(std::string const& who, stored_type type, video_features const& video, std::size_t width) {
  detail::expect_finite(who, "feature", video.features, width);
  detail::expect_finite(who, "position", video.positions, std::size_t{store_position_width});
  detail::expect_finite(who, "raw position", video.raw_positions, std::size_t{store_position_width});
  if (type != stored_type::f16) return;
  for (std::size_t i = 0; i < video.features.size(); ++i)
    if (!std::isfinite(static_cast<float>(f16(video.features[i]))))
      throw input_error(who + "feature " + std::to_string(i % width) + " of clip " + std::to_string(i / width) +
                        " is " + std::to_string(video.features[i]) +
                        ", above 65504, the largest of f16; store features as f32");
}

struct store_description {
  stored_type type = stored_type::f16;  // of features: f16 or f32
  index_t feature_width = 0;
  std::vector<std::string> columns = {}, classes = {};
  nlohmann::json provenance;  // an object with all provenance_keys
};

/// Throws input_error, naming it, for a column or class that is not UTF-8; argument_error for what else cannot be.
inline void check_description(store_description const& description) {
  constexpr index_t max_width = index_t{1} << 24;
  expect(description.type == stored_type::f16 || description.type == stored_type::f32, "feature_store_writer",
         "features are stored as F16 or F32");
  expect(description.feature_width >= 1 && description.feature_width <= max_width, "feature_store_writer",
         "feature_width must be in [1, 2^24]");
  expect(description.provenance.is_object(), "feature_store_writer", "provenance must be a JSON object");
  for (std::string_view const key : provenance_keys)
    expect(description.provenance.contains(key), "feature_store_writer", "provenance lacks '" + std::string(key) + "'");
  static_cast<void>(json_line(description.provenance));
  detail::expect_utf8("column", description.columns);
  detail::expect_utf8("class", description.classes);
}

/// Until finish() returns there is no file under the store's name; without it nothing is left behind. Features go to
/// disk as they come; positions too, through temporary files; only names and columns stay in memory.
class feature_store_writer {
 public:
  /// Throws as check_description does, else as atomic_file. Names of videos may hold any byte.
  feature_store_writer(std::filesystem::path const& path, store_description description)
      : description_(std::move(description)), file_(path), positions_(path), raw_(path) {
    check_description(description_);
    detail::store::file_header const empty;
    file_.write(std::as_bytes(std::span(&empty, 1)));
  }

  /// Adds a video. Throws input_error naming it, and adds nothing, where a feature or position is NaN or infinite, or
  /// too large for f16; argument_error where sizes, columns or label do not fit the store or its name came before.
  /// After any other exception the writer can only be destroyed.
  void append(video_features const& video) {
    check(video);
    if (description_.type == stored_type::f16) {
      half_.resize(video.features.size());
      for (std::size_t i = 0; i < half_.size(); ++i) half_[i] = f16(video.features[i]);
    }
    std::span<std::byte const> const features =
        description_.type == stored_type::f16 ? std::as_bytes(std::span(half_)) : std::as_bytes(video.features);
    detail::store::video_row row;
    row.row_begin = rows_;
    row.rows = static_cast<std::uint32_t>(video.positions.size() / std::size_t{store_position_width});
    row.frames = video.frames;
    row.fps = video.fps;
    row.label = video.label;
    row.width = video.width;
    row.height = video.height;
    row.strings_begin = strings_.size();
    add_string(video.name);
    for (std::string const& column : video.columns) add_string(column);
    row.strings_size = static_cast<std::uint32_t>(strings_.size() - row.strings_begin);
    row.crc = crc32c(std::as_bytes(video.raw_positions), crc32c(std::as_bytes(video.positions), crc32c(features)));
    file_.write(features);
    positions_.write(std::as_bytes(video.positions));
    raw_.write(std::as_bytes(video.raw_positions));
    names_.insert(video.name);
    records_.push_back(row);
    rows_ += row.rows;
  }

  /// Records a video that gave nothing. Throws argument_error for a name that came before, or an index that does not
  /// follow the last failure's.
  void append_failure(store_failure failure) {
    expect(failure.index >= 0 && (failures_.empty() || failure.index > failures_.back().index),
           "feature_store_writer::append_failure", "indices must ascend");
    expect(names_.insert(failure.name).second, "feature_store_writer::append_failure",
           "'" + printable(failure.name) + "' came before");
    failures_.push_back(std::move(failure));
  }

  index_t videos() const { return static_cast<index_t>(records_.size()); }

  /// Writes tables and header, brings all to disk, and gives the file its name. Throws input_error where no video was
  /// added: a store has at least one, unless it is one shard of several.
  void finish() {
    write_tables();
    file_.commit();
  }

 private:
  void write_tables() {
    namespace fmt = detail::store;
    if (records_.empty() && !description_.provenance.contains(store_shard_key))
      refuse_file(file_.path(), "no video gave features, so there is nothing to store");
    std::string const text = description_text();
    fmt::file_header header;
    std::memcpy(header.magic, fmt::magic, sizeof(header.magic));
    header.version = fmt::version;
    header.byte_order = fmt::byte_order_mark;
    header.header_size = sizeof(header);
    header.feature_type = description_.type == stored_type::f16 ? fmt::type_f16 : fmt::type_f32;
    header.feature_width = static_cast<std::uint32_t>(description_.feature_width);
    header.position_width = static_cast<std::uint32_t>(store_position_width);
    header.videos = records_.size();
    header.rows = rows_;
    header.clips = records_.empty() ? 0 : records_.front().rows;
    for (fmt::video_row const& row : records_)
      if (row.rows != records_.front().rows) header.clips = 0;
    header.features = {sizeof(header), file_.position() - sizeof(header)};
    header.positions = add_section([&] { positions_.copy_to(file_); });
    header.raw = add_section([&] { raw_.copy_to(file_); });
    header.records = add_section([&] { file_.write(std::as_bytes(std::span(records_))); });
    header.strings = add_section([&] { file_.write(strings_); });
    header.description = add_section([&] { file_.write(text); });
    header.records_crc = crc32c(std::as_bytes(std::span(records_)));
    header.strings_crc = crc32c(std::as_bytes(std::span(strings_.data(), strings_.size())));
    header.description_crc = crc32c(std::as_bytes(std::span(text.data(), text.size())));
    header.file_size = file_.position();
    header.header_crc = crc32c(std::as_bytes(std::span(&header, 1)).first(sizeof(header) - sizeof(header.header_crc)));
    file_.overwrite(0, std::as_bytes(std::span(&header, 1)));
  }

  void check(video_features const& video) const {
    std::string const who = "video '" + printable(video.name) + "': ";
    auto const need = [&](bool condition, std::string const& text) {
      expect(condition, "feature_store_writer::append", who + text);
    };
    std::size_t const width = static_cast<std::size_t>(description_.feature_width);
    std::size_t const clips = video.positions.size() / std::size_t{store_position_width};
    need(!video.name.empty(), "the name is empty");
    need(names_.count(video.name) == 0, "the name came before");
    need(clips >= 1 && video.positions.size() == clips * store_position_width, "positions must be [V, 7] with V >= 1");
    need(clips <= 0xffffffffu, "too many clips");
    need(video.raw_positions.size() == video.positions.size(), "raw_positions must be as many as positions");
    need(video.features.size() == clips * width, "features must be [V, D]: expected " + std::to_string(clips * width) +
                                                     " numbers, got " + std::to_string(video.features.size()));
    need(video.columns.size() == description_.columns.size(),
         "expected " + std::to_string(description_.columns.size()) + " columns, got " +
             std::to_string(video.columns.size()));
    need(video.label >= -1 && video.label < static_cast<std::int32_t>(description_.classes.size()),
         "label " + std::to_string(video.label) + " is not among the " + std::to_string(description_.classes.size()) +
             " classes");
    if (!std::isfinite(video.fps)) throw input_error(who + "the frame rate is not finite");
    expect_storable(who, description_.type, video, width);
  }

  void add_string(std::string const& text) {
    std::uint32_t const length = static_cast<std::uint32_t>(text.size());
    expect(length == text.size(), "feature_store_writer::append", "a text is above 4 GiB");
    strings_.append(reinterpret_cast<char const*>(&length), sizeof(length));
    strings_ += text;
  }

  template <class Write>
  detail::store::section add_section(Write const& write) {
    file_.pad_to(detail::store::alignment);
    std::uint64_t const begin = file_.position();
    write();
    return {begin, file_.position() - begin};
  }

  std::string description_text() const {
    nlohmann::json failures = nlohmann::json::array();
    for (store_failure const& failure : failures_) {
      nlohmann::json entry = {{"index", failure.index}, {"reason", to_utf8(failure.reason)}};
      set_exact_text(entry, "name", failure.name);
      failures.push_back(std::move(entry));
    }
    return json_line({{"provenance", description_.provenance},
                      {"columns", description_.columns},
                      {"classes", description_.classes},
                      {"failures", std::move(failures)}});
  }

  store_description description_;
  atomic_file file_;
  spill_file positions_, raw_;
  std::vector<detail::store::video_row> records_;
  std::string strings_;
  std::vector<store_failure> failures_;
  std::set<std::string> names_;
  std::vector<f16> half_;
  std::uint64_t rows_ = 0;
};

}  // namespace scale
