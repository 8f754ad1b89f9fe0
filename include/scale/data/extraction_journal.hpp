// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an extraction has done so far, on disk: it goes on from there after any interruption.

#include <scale/data/extracted_video.hpp>
#include <scale/data/journal_format.hpp>
#include <scale/data/store_format.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>
#include <scale/io/open_file.hpp>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// One extraction's journal, open for as long as this object lives, and for nobody else: a second one is refused.
class extraction_journal {
 public:
  /// Opens the journal at `path`, or begins one, and calls found(i, extracted_video) for what it holds, in order.
  /// `identity` says what the extraction is, an object; `feature_width` how wide its features are. Throws input_error
  /// where the file is no journal, another extraction's (naming what differs), or in use, and what `found` throws: the
  /// file is as it was then.
  template <std::invocable<index_t, extracted_video const&> Found>
  extraction_journal(std::filesystem::path path, nlohmann::json const& identity, index_t feature_width,
                     Found const& found)
      : path_(std::move(path)), width_(static_cast<std::size_t>(feature_width)) {
    open();
    try {
      if (!read_identity(identity)) begin(identity);
      scan(found);
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }

  extraction_journal(extraction_journal&& other) noexcept
      : path_(std::move(other.path_)),
        width_(other.width_),
        descriptor_(std::exchange(other.descriptor_, -1)),
        end_(other.end_),
        places_(std::move(other.places_)),
        synchronised_(other.synchronised_) {}
  extraction_journal& operator=(extraction_journal&&) = delete;

  ~extraction_journal() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  std::filesystem::path const& path() const { return path_; }

  /// Videos recorded, failures among them.
  index_t size() const { return static_cast<index_t>(places_.size()); }

  /// The record of the i-th video recorded.
  extracted_video read(index_t i, location at = location::current()) const {
    expect(i >= 0 && i < size(), "extraction_journal::read", "this record does not exist", at);
    std::optional<std::vector<std::byte>> const body = read_body(places_[static_cast<std::size_t>(i)]);
    if (!body) refuse_file(path_, "record " + std::to_string(i) + " changed while it was in use");
    return decode(*body);
  }

  /// Appends a record. Indices ascend. Every second or so, what was appended is brought to disk.
  void append(extracted_video const& video) {
    namespace fmt = detail::journal;
    fmt::video_body const fixed{static_cast<std::uint64_t>(video.index),
                                video.stamp.bytes,
                                video.stamp.nanoseconds,
                                video.frames,
                                video.fps,
                                video.width,
                                video.height,
                                static_cast<std::uint32_t>(video.clips.positions.size() / store_position_width),
                                static_cast<std::uint32_t>(video.failure.size())};
    std::vector<std::byte> bytes(sizeof(fmt::record_header));
    auto const add = [&](std::span<std::byte const> part) { bytes.insert(bytes.end(), part.begin(), part.end()); };
    add(std::as_bytes(std::span(&fixed, 1)));
    add(std::as_bytes(std::span(video.failure.data(), video.failure.size())));
    add(std::as_bytes(std::span(video.clips.features)));
    add(std::as_bytes(std::span(video.clips.positions)));
    add(std::as_bytes(std::span(video.clips.raw_positions)));
    std::span<std::byte const> const body = std::span(bytes).subspan(sizeof(fmt::record_header));
    fmt::record_header const header{fmt::record_mark, crc32c(body), body.size()};
    std::memcpy(bytes.data(), &header, sizeof(header));
    write(bytes);
    places_.push_back(end_ - bytes.size());
    if (std::chrono::steady_clock::now() - synchronised_ > std::chrono::seconds(1)) synchronise();
  }

  /// Removes the file: the extraction is over.
  void remove() {
    if (::unlink(path_.c_str()) != 0) throw_write_failure(path_, "removing", errno);
  }

 private:
  /// Opens and locks. A file that was removed between the two was another's that ended: then again.
  void open() {
    while (true) {
      descriptor_ = detail::open_file(path_.c_str(), O_RDWR | O_CREAT, 0666);
      if (descriptor_ < 0) throw_write_failure(path_, "opening", errno);
      if (!detail::try_lock(descriptor_)) {
        int const code = errno;
        ::close(descriptor_);
        if (code == EWOULDBLOCK)
          throw input_error(path_.string() +
                            ": another process is extracting to this store; wait for it, or give "
                            "another path");
        throw_write_failure(path_, "locking", code);
      }
      struct ::stat mine = {}, named = {};
      bool const known = ::fstat(descriptor_, &mine) == 0;
      bool const there = known && ::stat(path_.c_str(), &named) == 0;
      int const code = errno;
      if (there && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev) return;
      ::close(descriptor_);
      if (!known || (!there && code != ENOENT)) throw_write_failure(path_, "examining", code);
    }
  }

  /// False where the journal is empty, or was interrupted before it was on disk that it is one; no record can be there
  /// then.
  bool read_identity(nlohmann::json const& identity) {
    namespace fmt = detail::journal;
    fmt::file_header header;
    std::size_t const got = read_at(0, std::as_writable_bytes(std::span(&header, 1)));
    if (fmt::file_header const nothing; std::memcmp(&header, &nothing, sizeof(header)) == 0) return false;
    if (!std::equal(header.magic, header.magic + (std::min)(got, sizeof(header.magic)), fmt::magic))
      refuse_file(path_,
                  "expected the journal of an extraction, found another kind of file; remove it, or give "
                  "another path");
    if (got < sizeof(header)) return false;
    if (header.version != fmt::version)
      refuse_file(path_, "journal version: expected " + std::to_string(fmt::version) + ", found " +
                             std::to_string(header.version) + "; remove it");
    if (header.header_crc != fmt::crc_of(header) || header.identity_bytes > max_identity) refuse_damaged();
    std::string text(header.identity_bytes, '\0');
    std::span<std::byte> const bytes = std::as_writable_bytes(std::span(text.data(), text.size()));
    if (read_at(sizeof(header), bytes) < text.size()) return false;
    if (crc32c(bytes) != header.identity_crc) {
      if (file_size() == sizeof(header) + text.size()) return false;
      refuse_damaged();
    }
    expect_same(parse_json(text, path_), identity);
    end_ = sizeof(header) + text.size();
    return true;
  }

  void expect_same(nlohmann::json const& found, nlohmann::json const& identity) const {
    if (found == identity) return;
    std::string differences;
    for (nlohmann::json const& step : nlohmann::json::diff(found, identity)) {
      nlohmann::json::json_pointer const at(step.at("path").get<std::string>());
      auto const text = [&](nlohmann::json const& in) { return in.contains(at) ? in.at(at).dump() : "nothing"; };
      differences += "\n  " + printable(at.to_string()) + ": it has " + printable(text(found)) + ", asked for is " +
                     printable(text(identity));
    }
    refuse_file(path_, "another extraction was begun here:" + differences +
                           "\n  give the options and the list it was begun with, or another path, or remove it");
  }

  void begin(nlohmann::json const& identity) {
    namespace fmt = detail::journal;
    std::string const text = json_line(identity);
    expect(text.size() <= max_identity, "extraction_journal", "the identity is above 64 MiB");
    fmt::file_header header;
    std::memcpy(header.magic, fmt::magic, sizeof(header.magic));
    header.version = fmt::version;
    header.identity_bytes = static_cast<std::uint32_t>(text.size());
    header.identity_crc = crc32c(std::as_bytes(std::span(text.data(), text.size())));
    header.header_crc = fmt::crc_of(header);
    cut(0);
    write(std::as_bytes(std::span(&header, 1)));
    write(std::as_bytes(std::span(text.data(), text.size())));
    synchronise();
  }

  [[noreturn]] void refuse_damaged() const {
    refuse_file(path_, "the journal is damaged: a checksum of its beginning differs; remove it to begin anew");
  }

  std::uint64_t file_size() const {
    struct ::stat facts = {};
    if (::fstat(descriptor_, &facts) != 0) throw_write_failure(path_, "examining", errno);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  void synchronise() {
    if (detail::repeat_interrupted([this] { return ::fdatasync(descriptor_); }) != 0)
      throw_write_failure(path_, "synchronising", errno);
    synchronised_ = std::chrono::steady_clock::now();
  }

  /// Finds all whole records; cuts off what follows them.
  template <class Found>
  void scan(Found const& found) {
    std::uint64_t at = end_;
    std::int64_t last = -1;
    while (std::optional<std::vector<std::byte>> const body = read_body(at)) {
      extracted_video const video = decode(*body);
      if (video.index <= last) refuse_file(path_, "videos do not ascend; remove it");
      last = video.index;
      found(size(), video);
      places_.push_back(at);
      at += sizeof(detail::journal::record_header) + body->size();
    }
    cut(at);
  }

  /// The body of the record that begins at `at`; nothing where none is whole there.
  std::optional<std::vector<std::byte>> read_body(std::uint64_t at) const {
    namespace fmt = detail::journal;
    fmt::record_header header;
    if (read_at(at, std::as_writable_bytes(std::span(&header, 1))) < sizeof(header)) return std::nullopt;
    std::uint64_t const rest = file_size() - at - sizeof(header);
    if (!fmt::can_be_whole(header, rest)) return std::nullopt;
    std::vector<std::byte> body(static_cast<std::size_t>(header.bytes));
    if (read_at(at + sizeof(header), body) < body.size() || crc32c(body) != header.crc) return std::nullopt;
    return body;
  }

  extracted_video decode(std::span<std::byte const> body) const {
    detail::journal::video_body fixed;
    std::memcpy(&fixed, body.data(), sizeof(fixed));
    std::size_t const positions = std::size_t{fixed.clips} * store_position_width;
    std::size_t const expected =
        sizeof(fixed) + fixed.failure_bytes + (fixed.clips * width_ + 2 * positions) * sizeof(float);
    if (body.size() != expected) refuse_file(path_, "a record contradicts itself; remove it");
    extracted_video video;
    video.index = static_cast<index_t>(fixed.index);
    video.stamp = {fixed.file_bytes, fixed.file_time};
    video.frames = fixed.frames;
    video.fps = fixed.fps;
    video.width = fixed.width;
    video.height = fixed.height;
    body = body.subspan(sizeof(fixed));
    video.failure.assign(reinterpret_cast<char const*>(body.data()), fixed.failure_bytes);
    body = body.subspan(fixed.failure_bytes);
    auto const take = [&](std::size_t count) {
      std::vector<float> values(count);
      if (count > 0) std::memcpy(values.data(), body.data(), count * sizeof(float));
      body = body.subspan(count * sizeof(float));
      return values;
    };
    video.clips.features = take(fixed.clips * width_);
    video.clips.positions = take(positions);
    video.clips.raw_positions = take(positions);
    return video;
  }

  /// Bytes read from `at` on; fewer than asked for at the end of the file.
  std::size_t read_at(std::uint64_t at, std::span<std::byte> to) const {
    std::size_t done = 0;
    while (done < to.size()) {
      ::ssize_t const got = ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<::off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_write_failure(path_, "reading", errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  void write(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      ::ssize_t const written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<::off_t>(end_));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw_write_failure(path_, "writing", written == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      end_ += static_cast<std::uint64_t>(written);
    }
  }

  void cut(std::uint64_t end) {
    if (detail::repeat_interrupted([&] { return ::ftruncate(descriptor_, static_cast<::off_t>(end)); }) != 0)
      throw_write_failure(path_, "shortening", errno);
    end_ = end;
  }

  static constexpr std::size_t max_identity = std::size_t{64} << 20;

  std::filesystem::path path_;
  std::size_t width_;
  int descriptor_ = -1;
  std::uint64_t end_ = 0;              // where the next record goes
  std::vector<std::uint64_t> places_;  // of all records
  std::chrono::steady_clock::time_point synchronised_ = std::chrono::steady_clock::now();
};

}  // namespace scale
