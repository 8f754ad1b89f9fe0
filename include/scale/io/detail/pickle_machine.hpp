// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a pickle's opcodes work on: the bytes, a stack with marks, and a memo, all bounded.

#include <scale/io/file_error.hpp>
#include <scale/io/pickle_value.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace scale::detail {

/// Every failure throws input_error with the file and the place of the opcode. Memory is charged to the graph.
class pickle_machine {
 protected:
  pickle_machine(std::filesystem::path const& path, std::string_view source) : graph_(path), source_(source) {}

  std::size_t position() const noexcept { return at_; }

  [[noreturn]] void refuse(std::string const& what) const {
    refuse_file(graph_.path(), "pickle, byte " + std::to_string(start_) + ": " + what);
  }

  std::string_view take(std::uint64_t count) {
    if (count > source_.size() - at_)
      refuse("expected " + std::to_string(count) + " more bytes, found " + std::to_string(source_.size() - at_));
    std::string_view const out = source_.substr(at_, static_cast<std::size_t>(count));
    at_ += out.size();
    return out;
  }

  std::uint64_t unsigned_number(std::size_t width) {
    std::string_view const bytes = take(width);
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  /// A length of four bytes that Python reads as signed.
  std::uint64_t signed_length() {
    std::uint64_t const length = unsigned_number(4);
    if (length > 0x7fffffffu) refuse("a length is negative");
    return length;
  }

  std::string_view line() {
    std::size_t const end = source_.find('\n', at_);
    if (end == std::string_view::npos || end - at_ > 1024) refuse("expected a line of at most 1024 bytes");
    std::string_view const out = source_.substr(at_, end - at_);
    at_ = end + 1;
    return out;
  }

  void push(pickle_ref value) {
    if (stack_.size() == highest_) {
      graph_.charge(sizeof(pickle_ref));
      ++highest_;
    }
    stack_.push_back(value);
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  pickle_ref top() const {
    if (stack_.size() <= floor()) refuse("the stack is empty");
    return stack_.back();
  }

  pickle_ref pop() {
    pickle_ref const value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<pickle_ref> pop_to_mark() {
    if (marks_.empty()) refuse("MARK is missing");
    std::vector<pickle_ref> out(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return out;
  }

  void mark() {
    graph_.charge(2 * sizeof(std::size_t));
    marks_.push_back(stack_.size());
  }

  void put(std::uint64_t index) {
    // Python counts its memo from 0 or 1, without gaps.
    if (index > memo_.size() + 1) refuse("memo index " + std::to_string(index) + " leaves a gap");
    pickle_ref const value = top();
    while (memo_.size() <= index) {
      graph_.charge(3 * sizeof(pickle_ref));
      memo_.push_back(nowhere);
    }
    memo_[static_cast<std::size_t>(index)] = value;
  }

  void get(std::uint64_t index) {
    if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == nowhere)
      refuse("memo index " + std::to_string(index) + " was never put");
    push(memo_[static_cast<std::size_t>(index)]);
  }

  static constexpr pickle_ref nowhere = ~pickle_ref{0};

  pickle_graph graph_;
  std::string_view source_;
  std::size_t at_ = 0, start_ = 0, highest_ = 0;  // start_: of the opcode that is being carried out
  std::deque<pickle_ref> stack_;
  std::vector<std::size_t> marks_;
  std::vector<pickle_ref> memo_;
};

}  // namespace scale::detail
