// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Python pickle describes, as data: a graph of values in which classes and functions are names and calls are
// records of a name and its arguments. Nothing in it can run.

#include <scale/io/file_error.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

enum class pickle_kind : std::uint8_t {
  none,
  truth,
  integer,       // in 64 bits
  long_integer,  // wider: little-endian two's complement
  real,
  text,        // UTF-8, with lone surrogates
  byte_text,   // Python 2's str: bytes that are mostly text
  bytes,       // and bytearray
  tuple,       // items: its elements
  list,        // items: its elements
  dict,        // items: key, value, key, value ...
  set,         // items: its elements
  frozen_set,  // items: its elements
  global,      // items: module, name; both texts
  call,        // items: the global, its arguments (a tuple), and the object's state where one is set
  persistent,  // items: its id
};

/// A value of a pickle_graph.
using pickle_ref = std::uint32_t;

/// Values are shared and may hold themselves, as in Python: what walks the graph must bound itself. Texts and bytes
/// borrow from the pickle. Memory is bounded: add_... throws input_error, naming the file, above 8 MiB, about 20 000
/// tensors or 300 000 numbers.
class pickle_graph {
 public:
  static constexpr std::size_t max_memory = std::size_t{8} << 20;

  explicit pickle_graph(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path const& path() const noexcept { return path_; }
  std::size_t size() const noexcept { return nodes_.size(); }

  /// How many items all containers hold together.
  std::size_t items_held() const noexcept { return items_held_; }

  pickle_ref top() const noexcept { return top_; }
  void set_top(pickle_ref top) noexcept { top_ = top; }

  pickle_kind kind(pickle_ref at) const { return nodes_[at].kind; }

  /// Of a truth or integer.
  std::int64_t integer(pickle_ref at) const { return static_cast<std::int64_t>(nodes_[at].number); }

  double real(pickle_ref at) const { return std::bit_cast<double>(nodes_[at].number); }

  /// The bytes of a text, byte_text, bytes or long_integer.
  std::string_view text(pickle_ref at) const {
    return {std::bit_cast<char const*>(static_cast<std::uintptr_t>(nodes_[at].number)), nodes_[at].size};
  }

  std::span<pickle_ref const> items(pickle_ref at) const {
    if (nodes_[at].kind < pickle_kind::tuple) return {};
    return lists_[static_cast<std::size_t>(nodes_[at].number)];
  }

  /// A text or byte_text.
  bool is_text(pickle_ref at) const { return kind(at) == pickle_kind::text || kind(at) == pickle_kind::byte_text; }

  bool is_global(pickle_ref at, std::string_view module_name, std::string_view name) const {
    return kind(at) == pickle_kind::global && text(items(at)[0]) == module_name && text(items(at)[1]) == name;
  }

  /// "module.name" of a global, fit for a message.
  std::string global_name(pickle_ref at) const {
    return printable(text(items(at)[0])) + "." + printable(text(items(at)[1]));
  }

  pickle_ref add_number(pickle_kind kind, std::uint64_t bits) { return add({kind, bits, 0}); }

  /// `text` must live as long as the graph.
  pickle_ref add_text(pickle_kind kind, std::string_view text) {
    return add({kind, static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(text.data())), text.size()});
  }

  pickle_ref add_items(pickle_kind kind, std::span<pickle_ref const> items) {
    charge(sizeof(std::vector<pickle_ref>) + (items.empty() ? 0 : 16 + items.size_bytes()));
    lists_.emplace_back(items.begin(), items.end());
    items_held_ += items.size();
    return add({kind, lists_.size() - 1, 0});
  }

  void append(pickle_ref to, std::span<pickle_ref const> items) {
    charge(3 * items.size_bytes());  // a vector that grows holds up to three times what it needs
    std::vector<pickle_ref>& list = lists_[static_cast<std::size_t>(nodes_[to].number)];
    list.insert(list.end(), items.begin(), items.end());
    items_held_ += items.size();
  }

  /// Counts memory that whoever builds the graph takes beside it.
  void charge(std::size_t bytes) {
    if (bytes > max_memory - used_)
      refuse_file(path_, "its pickle describes more values than a file of weights has (over 8 MiB of them)");
    used_ += bytes;
  }

 private:
  struct node {
    pickle_kind kind;
    std::uint64_t number, size;
  };

  pickle_ref add(node value) {
    charge(sizeof(node));
    nodes_.push_back(value);
    return static_cast<pickle_ref>(nodes_.size() - 1);
  }

  std::filesystem::path path_;
  std::deque<node> nodes_;  // never moved, so that growing needs no second copy
  std::deque<std::vector<pickle_ref>> lists_;
  std::size_t used_ = 0, items_held_ = 0;
  pickle_ref top_ = 0;
};

}  // namespace scale
