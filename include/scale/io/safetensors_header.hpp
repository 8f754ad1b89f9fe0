// SPDX-License-Identifier: Apache-2.0
#pragma once
// The JSON header of a safetensors file, read event by event: no tree is built, so depth and repeats are seen at once.

#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::detail {

inline constexpr std::uint64_t safetensors_max_header = 100'000'000;
inline constexpr std::size_t safetensors_max_rank = 64;

struct safetensors_entry {
  std::string name;
  stored_type type = stored_type::f32;
  std::vector<index_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct safetensors_header {
  std::map<std::string, std::string> metadata;
  std::vector<safetensors_entry> entries;
};

/// nlohmann's event interface. Every handler returns true or throws input_error.
class safetensors_events {
 public:
  safetensors_events(std::filesystem::path const& path, safetensors_header& out) : path_(path), out_(out) {}

  bool start_object(std::size_t) {
    if (state_ == state::start) {
      state_ = state::top;
    } else if (state_ == state::top) {
      state_ = in_metadata_ ? state::metadata : state::tensor;
      if (!in_metadata_) {
        out_.entries.push_back({});
        out_.entries.back().name = key_;
        seen_ = 0;
      }
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool end_object() {
    if (state_ == state::tensor && seen_ != (saw_type | saw_shape | saw_offsets))
      refuse("tensor '" + printable(out_.entries.back().name) + "': expected dtype, shape and data_offsets");
    state_ = state_ == state::top ? state::done : state::top;
    return true;
  }

  bool key(std::string& text) {
    key_ = std::move(text);
    if (state_ == state::top) {
      in_metadata_ = key_ == "__metadata__";
      if (in_metadata_ && std::exchange(had_metadata_, true)) refuse("__metadata__ occurs twice");
      if (key_.empty()) refuse("a tensor's name is empty");
      for (char const c : key_)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          refuse("tensor name '" + printable(key_) + "' holds a control byte");
    } else if (state_ == state::tensor) {
      unsigned const field = key_ == "dtype"          ? saw_type
                             : key_ == "shape"        ? saw_shape
                             : key_ == "data_offsets" ? saw_offsets
                                                      : 0;
      if (field == 0) unexpected("field '" + printable(key_) + "'");
      if ((seen_ & field) != 0) unexpected("field '" + printable(key_) + "' a second time");
      seen_ |= field;
    }
    return true;
  }

  bool string(std::string& text) {
    if (state_ == state::metadata) {
      if (!out_.metadata.emplace(key_, std::move(text)).second)
        refuse("__metadata__ has '" + printable(key_) + "' twice");
    } else if (state_ == state::tensor && key_ == "dtype") {
      std::optional<stored_type> const type = stored_type_of_name(text);
      if (!type) unexpected("dtype '" + printable(text) + "'");
      out_.entries.back().type = *type;
    } else {
      unexpected("a text");
    }
    return true;
  }

  bool start_array(std::size_t) {
    if (state_ != state::tensor || key_ == "dtype") unexpected("an array");
    state_ = key_ == "shape" ? state::shape : state::offsets;
    offsets_ = 0;
    return true;
  }

  bool end_array() {
    if (state_ == state::offsets && offsets_ != 2) unexpected(std::to_string(offsets_) + " data_offsets");
    state_ = state::tensor;
    return true;
  }

  bool number_unsigned(std::uint64_t value) {
    safetensors_entry* const entry = out_.entries.empty() ? nullptr : &out_.entries.back();
    if (state_ == state::shape) {
      if (value > static_cast<std::uint64_t>((std::numeric_limits<index_t>::max)())) unexpected("an extent above 2^63");
      if (entry->shape.size() == safetensors_max_rank) unexpected("more than 64 extents");
      entry->shape.push_back(static_cast<index_t>(value));
    } else if (state_ == state::offsets) {
      if (offsets_ < 2) (offsets_ == 0 ? entry->begin : entry->end) = value;
      ++offsets_;
    } else {
      unexpected("a number");
    }
    return true;
  }

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a truth value"); }
  bool number_integer(std::int64_t) { return unexpected("a negative number"); }
  bool number_float(double, std::string const&) { return unexpected("a number that is not whole, or is above 2^64"); }
  bool binary(std::vector<std::uint8_t>&) { return unexpected("binary data"); }

  bool parse_error(std::size_t position, std::string const&, nlohmann::json::exception const& e) {
    refuse("header is not valid JSON at byte " + std::to_string(position) + ": " + printable(e.what(), 200));
  }

 private:
  enum class state { start, top, metadata, tensor, shape, offsets, done };
  static constexpr unsigned saw_type = 1, saw_shape = 2, saw_offsets = 4;

  [[noreturn]] void refuse(std::string const& what) const { refuse_file(path_, what); }

  bool unexpected(std::string const& what) const {
    switch (state_) {
      case state::metadata:
        refuse("__metadata__: expected texts only, found " + what + " at '" + printable(key_) + "'");
      case state::tensor:
      case state::shape:
      case state::offsets: refuse("tensor '" + printable(out_.entries.back().name) + "': unexpected " + what);
      default: refuse("header: expected an object of objects, found " + what + " at '" + printable(key_) + "'");
    }
  }

  std::filesystem::path const& path_;
  safetensors_header& out_;
  state state_ = state::start;
  std::string key_;
  bool in_metadata_ = false, had_metadata_ = false;
  unsigned seen_ = 0;
  int offsets_ = 0;
};

/// Everything the header alone can tell. Names may still occur twice: the caller sorts them and sees.
inline safetensors_header parse_safetensors_header(std::filesystem::path const& path, std::string_view text) {
  if (text.empty() || text.front() != '{') refuse_file(path, "header: expected '{' as its first byte");
  std::size_t const end = text.find_last_not_of(' ');
  if (text[end] != '}') refuse_file(path, "header: expected '}' and then spaces only");
  text = text.substr(0, end + 1);
  if (text.find('\0') != std::string_view::npos) refuse_file(path, "header holds a zero byte");
  safetensors_header header;
  safetensors_events events(path, header);
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  return header;
}

}  // namespace scale::detail
