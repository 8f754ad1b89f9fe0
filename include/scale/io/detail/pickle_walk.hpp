// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walks the containers of a pickle, with the path of each value, in bounded time whatever the values share or hold.

#include <scale/io/detail/utf8.hpp>
#include <scale/io/pickle_value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::detail {

inline constexpr std::size_t pickle_max_depth = 100;
inline constexpr std::size_t pickle_max_path = 1024;
inline constexpr std::size_t pickle_max_names = std::size_t{2} << 20;  // bytes of the names of all tensors

/// Decimal digits of a little-endian two's complement number. Quadratic: for at most 255 bytes.
inline std::string decimal_digits(std::string_view bytes) {
  bool const negative = !bytes.empty() && static_cast<signed char>(bytes.back()) < 0;
  std::vector<unsigned> magnitude(bytes.size());
  unsigned carry = negative ? 1 : 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned const byte = static_cast<unsigned char>(bytes[i]);
    unsigned const value = (negative ? 255u - byte : byte) + carry;
    magnitude[i] = value & 255u;
    carry = value >> 8;
  }
  if (carry != 0) magnitude.push_back(carry);
  std::string digits;
  for (bool rest = true; rest;) {
    unsigned remainder = 0;
    rest = false;
    for (std::size_t i = magnitude.size(); i-- > 0;) {
      unsigned const value = (remainder << 8) | magnitude[i];
      magnitude[i] = value / 10;
      remainder = value % 10;
      rest = rest || magnitude[i] != 0;
    }
    digits.insert(digits.begin(), static_cast<char>('0' + remainder));
  }
  return negative ? "-" + digits : digits;
}

/// A key as a part of a path; nothing where it has no words.
inline std::optional<std::string> key_text(pickle_graph const& graph, pickle_ref key) {
  switch (graph.kind(key)) {
    case pickle_kind::text:
    case pickle_kind::byte_text:
      if (!is_valid_utf8(graph.text(key))) return std::nullopt;
      return std::string(graph.text(key));
    case pickle_kind::integer: return std::to_string(graph.integer(key));
    case pickle_kind::truth: return graph.integer(key) != 0 ? "True" : "False";
    case pickle_kind::long_integer: return decimal_digits(graph.text(key));
    default: return std::nullopt;
  }
}

/// A value and how to get to it.
struct pickle_place {
  pickle_ref value;
  std::string_view group;    // path of the container that holds it
  std::string_view path;     // group, '/' and key; just the key at the top
  std::size_t key_size = 0;  // the key is the end of path
};

class pickle_walk {
 public:
  /// `is_tensor(ref)` tells which values are tensors.
  template <class IsTensor>
  pickle_walk(pickle_graph const& graph, IsTensor const& is_tensor) : graph_(graph), marks_(graph.size(), unknown) {
    find_tensors(is_tensor);
  }

  /// Whether the value is a tensor or holds one, at any depth. Containers that only their own inside refers back to may
  /// say no.
  bool holds_tensor(pickle_ref at) const { return marks_[at] >= holds; }
  bool is_tensor(pickle_ref at) const { return marks_[at] == tensor; }

  /// Calls tensor_at(place) for every tensor that dicts, lists and tuples hold, in the file's order. Throws input_error
  /// where containers nest deeper than 100, where a name is longer than 1024 bytes, all of them than 2 MiB, or one is
  /// no text or whole number, and where tensors are mentioned many more times than there are.
  template <class F>
  void for_each_tensor(F const& tensor_at) const {
    std::size_t tensors = 0;
    for (mark const m : marks_) tensors += m == tensor ? 1 : 0;
    std::size_t left = 2 * tensors + 1000, names_left = pickle_max_names;
    walk([&](pickle_ref at) { return holds_tensor(at); },
         [&](pickle_place const& place) {
           if (!is_tensor(place.value)) return true;
           if (left-- == 0)
             refuse_file(graph_.path(), "it mentions its " + std::to_string(tensors) + " tensors too many times");
           if (place.path.size() > names_left) refuse_file(graph_.path(), "its tensors' names take more than 2 MiB");
           names_left -= place.path.size();
           tensor_at(place);
           return true;
         });
  }

  /// Calls value_at(place) for all other values until it returns false; empty containers have none.
  template <class F>
  void for_each_value(F const& value_at) const {
    walk([](pickle_ref) { return true; },
         [&](pickle_place const& place) { return is_tensor(place.value) || value_at(place); });
  }

 private:
  enum mark : std::uint8_t { unknown, open, nothing, holds, tensor };

  static bool is_container(pickle_kind kind) {
    return kind == pickle_kind::dict || kind == pickle_kind::list || kind == pickle_kind::tuple;
  }

  template <class IsTensor>
  void find_tensors(IsTensor const& is_tensor) {
    struct step {
      pickle_ref at;
      std::uint32_t next;
    };
    std::vector<step> steps;
    auto const enter = [&](pickle_ref at) {
      if (is_tensor(at)) {
        marks_[at] = tensor;
      } else if (is_container(graph_.kind(at))) {
        marks_[at] = open;
        steps.push_back({at, 0});
      } else {
        marks_[at] = nothing;
      }
    };
    enter(graph_.top());
    while (!steps.empty()) {
      step const s = steps.back();
      std::span<pickle_ref const> const items = graph_.items(s.at);
      bool const dict = graph_.kind(s.at) == pickle_kind::dict;
      std::size_t const place = dict ? 2 * std::size_t{s.next} + 1 : s.next;
      if (place < items.size()) {
        ++steps.back().next;
        if (marks_[items[place]] == unknown) enter(items[place]);
        continue;
      }
      steps.pop_back();
      marks_[s.at] = nothing;
      for (std::size_t i = dict ? 1 : 0; i < items.size(); i += dict ? 2 : 1)
        if (marks_[items[i]] >= holds) marks_[s.at] = holds;
    }
  }

  template <class Enter, class Leaf>
  void walk(Enter const& enter, Leaf const& leaf) const {
    struct step {
      pickle_ref at;
      std::size_t next, path_size;
    };
    std::vector<step> steps;
    std::string path;
    std::size_t visits = 4 * (graph_.size() + graph_.items_held()) + 1000;
    auto const visit = [&](pickle_ref at, std::size_t group_size, std::size_t key_size) {
      if (is_container(graph_.kind(at))) {
        if (!enter(at)) return true;
        if (steps.size() == pickle_max_depth)
          refuse_file(graph_.path(),
                      "containers are nested more than 100 deep, or hold themselves, at '" + printable(path) + "'");
        steps.push_back({at, 0, path.size()});
        return true;
      }
      std::string_view const all = path;
      return leaf(pickle_place{at, all.substr(0, group_size), all, key_size});
    };
    if (!visit(graph_.top(), 0, 0)) return;
    while (!steps.empty()) {
      step& s = steps.back();
      std::span<pickle_ref const> const items = graph_.items(s.at);
      bool const dict = graph_.kind(s.at) == pickle_kind::dict;
      std::size_t const place = dict ? 2 * s.next : s.next;
      path.resize(s.path_size);
      if (place >= items.size()) {
        steps.pop_back();
        continue;
      }
      if (visits-- == 0) refuse_file(graph_.path(), "containers that share their content expand without end");
      pickle_ref const value = items[dict ? place + 1 : place];
      std::string key = std::to_string(s.next++);
      if (dict) {
        std::optional<std::string> words = key_text(graph_, items[place]);
        if (!words && holds_tensor(value))
          refuse_file(graph_.path(), "a tensor lies under a key that is no UTF-8 text and no whole number, in '" +
                                         printable(path) + "'");
        key = words ? std::move(*words) : "(key " + key + ")";
      }
      std::size_t const group_size = path.size();
      if (steps.size() > 1) path += '/';
      if (key.size() > pickle_max_path - (std::min)(path.size(), pickle_max_path)) {
        if (holds_tensor(value)) refuse_file(graph_.path(), "a name is longer than 1024 bytes: " + printable(key));
        key = "(key of " + std::to_string(key.size()) + " bytes)";
      }
      path += key;
      if (!visit(value, group_size, key.size())) return;
    }
  }

  pickle_graph const& graph_;
  std::vector<mark> marks_;
};

}  // namespace scale::detail
