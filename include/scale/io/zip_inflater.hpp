// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content of deflated entries of a ZIP archive, by zlib, bounded by what the caller asks for.

#include <scale/core/error.hpp>
#include <scale/io/zip_archive.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace scale {

/// Inflates one entry piece by piece; never more than the caller asks for.
class zip_inflater {
 public:
  /// `archive` and `entry`, a deflated one, must outlive it. Throws resource_error where zlib has no memory.
  zip_inflater(zip_archive const& archive, zip_entry const& entry)
      : archive_(archive), entry_(entry), left_(entry.packed), stream_(std::make_unique<::z_stream>()) {
    *stream_ = {};
    if (::inflateInit2(stream_.get(), -15) != Z_OK) throw resource_error("zlib cannot start to inflate: no memory");
  }

  zip_inflater(zip_inflater const&) = delete;
  zip_inflater& operator=(zip_inflater const&) = delete;
  ~zip_inflater() { ::inflateEnd(stream_.get()); }

  /// Fills `out`. Throws input_error where the content is damaged or ends before.
  void read(std::span<std::byte> out) {
    std::span<std::byte> const all = out;
    while (!out.empty()) {
      std::size_t const produced = inflate_into(out);
      if (produced == 0) archive_.refuse_entry(entry_, "its deflated content ends early");
      out = out.subspan(produced);
    }
    crc_ = zip_crc(all, crc_);
  }

  /// Throws input_error unless the content ends here and its CRC-32 is right.
  void expect_end() {
    std::byte extra{};
    if (!ended_ && inflate_into(std::span(&extra, 1)) != 0)
      archive_.refuse_entry(entry_,
                            "it inflates to more than its directory says, " + std::to_string(entry_.size) + " bytes");
    if (!ended_ || !left_.empty() || stream_->avail_in != 0)
      archive_.refuse_entry(entry_, "its deflated content does not end where it should");
    if (crc_ != entry_.crc) archive_.refuse_entry(entry_, "its CRC-32 is wrong: the file is damaged");
  }

 private:
  std::size_t inflate_into(std::span<std::byte> out) {
    constexpr std::size_t most = std::size_t{1} << 30;
    if (ended_) return 0;
    std::size_t const wanted = (std::min)(out.size(), most);
    stream_->next_out = reinterpret_cast<Bytef*>(out.data());
    stream_->avail_out = static_cast<uInt>(wanted);
    while (stream_->avail_out != 0) {
      if (stream_->avail_in == 0 && !left_.empty()) {
        std::span<std::byte const> const part = left_.first((std::min)(left_.size(), most));
        stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
        stream_->avail_in = static_cast<uInt>(part.size());
        left_ = left_.subspan(part.size());
      }
      int const state = ::inflate(stream_.get(), Z_NO_FLUSH);
      if (state == Z_STREAM_END) {
        ended_ = true;
        break;
      }
      if (state == Z_MEM_ERROR) throw resource_error("zlib has no memory to inflate");
      if (state == Z_BUF_ERROR && stream_->avail_in == 0 && left_.empty()) break;
      if (state != Z_OK && state != Z_BUF_ERROR) archive_.refuse_entry(entry_, "its deflated content is damaged");
    }
    return wanted - stream_->avail_out;
  }

  zip_archive const& archive_;
  zip_entry const& entry_;
  std::span<std::byte const> left_;
  std::unique_ptr<::z_stream> stream_;
  std::uint32_t crc_ = 0;
  bool ended_ = false;
};

}  // namespace scale
