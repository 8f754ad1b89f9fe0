// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a JSON text would take of memory as a tree, told from its punctuation before a tree is built.

#include <scale/io/file_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace scale {

inline constexpr int json_max_depth = 64;
inline constexpr std::size_t json_max_bytes = std::size_t{1} << 28;
inline constexpr std::size_t json_max_token = std::size_t{1} << 18;        // a text, a number, white space
inline constexpr std::size_t json_tree_allowance = std::size_t{12} << 20;  // a tree may take this and the text's size

namespace detail {

/// Reads a text once, not knowing whether it is valid, and refuses what is too deep, has too long a token, or would
/// take too much memory as nlohmann's tree of standard containers. Elements of one list may be named as not kept: of
/// these only the largest counts.
class json_bounds {
 public:
  /// `streamed`: the key, in the outermost object, of the list whose elements are not kept; null: there is none; empty:
  /// the outermost value is that list.
  json_bounds(std::string_view text, std::filesystem::path const& file, char const* streamed)
      : text_(text), file_(file), streamed_(streamed) {}

  void check() {
    for (std::size_t i = 0; i < text_.size();) {
      char const c = text_[i];
      std::size_t const next = c == '"'            ? behind_text(i + 1)
                               : is_space(c)       ? behind_space(i)
                               : is_punctuation(c) ? i + 1
                                                   : behind_word(i);
      if (next - i > json_max_token)
        refuse_file(file_, "JSON text holds a text, number or white space of more than 256 KiB");
      if (c == '"') {
        add(text_cost(next - i));
        last_text_ = text_.substr(i + 1, next - i - 2);
      } else {
        punctuation(c);
      }
      i = next;
    }
  }

 private:
  static constexpr std::size_t allocation = 32;                          // what the allocator may add to one
  static constexpr std::size_t value_cost = 3 * sizeof(nlohmann::json);  // a vector that grows: the old and twice that
  static constexpr std::size_t member_cost =
      4 * sizeof(void*) + sizeof(std::pair<std::string const, nlohmann::json>) + allocation;
  static constexpr std::size_t container_cost = sizeof(nlohmann::json::object_t) + allocation;

  static std::size_t text_cost(std::size_t size) { return sizeof(std::string) + 2 * allocation + size; }
  static bool is_punctuation(char c) { return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':'; }
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  std::size_t behind_text(std::size_t at) const {
    for (; at < text_.size(); ++at) {
      if (text_[at] == '"') return at + 1;
      if (text_[at] == '\\') ++at;
    }
    return text_.size();
  }

  std::size_t behind_space(std::size_t at) const {
    while (at < text_.size() && is_space(text_[at])) ++at;
    return at;
  }

  std::size_t behind_word(std::size_t at) const {
    while (at < text_.size() && text_[at] != '"' && !is_punctuation(text_[at]) && !is_space(text_[at])) ++at;
    return at;
  }

  void punctuation(char c) {
    switch (c) {
      case '{':
      case '[':
        if (++depth_ > json_max_depth) refuse_file(file_, "JSON is nested more than 64 deep");
        add(container_cost + value_cost);
        if (c == '[' && is_streamed()) streaming_at_ = depth_;
        break;
      case '}':
      case ']':
        if (depth_ == streaming_at_) streaming_at_ = 0;
        --depth_;
        break;
      case ',':
        if (depth_ == streaming_at_) element_ = 0;
        add(value_cost);
        break;
      case ':':
        if (depth_ == 1) key_ = last_text_;
        add(member_cost);
        break;
      default: break;
    }
  }

  bool is_streamed() const {
    if (streamed_ == nullptr) return false;
    std::string_view const key = streamed_;
    return key.empty() ? depth_ == 1 : depth_ == 2 && key_ == key;
  }

  void add(std::size_t bytes) {
    (streaming_at_ != 0 ? element_ : kept_) += bytes;
    if (kept_ + element_ > json_tree_allowance + text_.size())
      refuse_file(file_, "JSON has too many values for its size: they would take more memory than " +
                             std::to_string(text_.size()) + " bytes and 12 MiB");
  }

  std::string_view text_;
  std::filesystem::path const& file_;
  char const* streamed_;
  std::string_view last_text_, key_;
  int depth_ = 0, streaming_at_ = 0;  // 0: not within the list
  std::size_t kept_ = 0, element_ = 0;
};

}  // namespace detail

}  // namespace scale
