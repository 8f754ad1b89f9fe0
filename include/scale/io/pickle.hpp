// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads Python pickles, protocols 2 to 5, as data. A closed interpreter of the opcodes that files of weights need:
// it builds a pickle_graph and calls nothing. Opcodes: Python's Lib/pickletools.py.

#include <scale/io/detail/pickle_globals.hpp>
#include <scale/io/detail/pickle_machine.hpp>
#include <scale/io/detail/utf8.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/pickle_value.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

enum class persistent_ids {
  refused,
  kept,  // as values of their own: what PyTorch stores outside the pickle
};

namespace detail {

/// The opcodes, one by one.
class pickle_reader : private pickle_machine {
 public:
  pickle_reader(std::filesystem::path const& path, std::string_view source, persistent_ids ids)
      : pickle_machine(path, source), ids_(ids) {
    none_ = graph_.add_number(pickle_kind::none, 0);
    truth_ = {graph_.add_number(pickle_kind::truth, 0), graph_.add_number(pickle_kind::truth, 1)};
    empty_tuple_ = graph_.add_items(pickle_kind::tuple, {});
    for (std::size_t i = 0; i < small_.size(); ++i) small_[i] = graph_.add_number(pickle_kind::integer, i);
  }

  pickle_graph run() {
    while (step()) {
    }
    return std::move(graph_);
  }

  using pickle_machine::position;

 private:
  void push_text(pickle_kind kind, std::uint64_t length) {
    std::string_view const text = take(length);
    if (kind == pickle_kind::text && !is_valid_utf8(text, surrogates::allowed)) refuse("a text is not UTF-8");
    push(graph_.add_text(kind, text));
  }

  void push_integer(std::int64_t value) {
    if (value >= 0 && value < static_cast<std::int64_t>(small_.size()))
      push(small_[static_cast<std::size_t>(value)]);
    else
      push(graph_.add_number(pickle_kind::integer, static_cast<std::uint64_t>(value)));
  }

  void push_long(std::uint64_t length) {
    if (length > 255) refuse("a whole number of " + std::to_string(length) + " bytes; at most 255 are read");
    std::string_view const bytes = take(length);
    if (length > 8) {
      push(graph_.add_text(pickle_kind::long_integer, bytes));
      return;
    }
    bool const negative = length != 0 && static_cast<signed char>(bytes.back()) < 0;
    std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    push_integer(static_cast<std::int64_t>(value));
  }

  void push_real() {
    std::string_view const bytes = take(8);
    std::uint64_t bits = 0;
    for (char const c : bytes) bits = (bits << 8) | static_cast<unsigned char>(c);  // the one big-endian field
    push(graph_.add_number(pickle_kind::real, bits));
  }

  void push_tuple(std::size_t count) {
    std::array<pickle_ref, 3> items{};
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push(graph_.add_items(pickle_kind::tuple, std::span(items).first(count)));
  }

  void push_global(std::string_view module_name, std::string_view name) {
    if (!is_valid_utf8(module_name) || !is_valid_utf8(name)) refuse("the name of a global is not UTF-8");
    if (is_refused_global(module_name, name))
      refuse("it names " + printable(module_name) + "." + printable(name) +
             ", which no weights need; it was not run. Do not trust this file");
    std::array<pickle_ref, 2> const items = {graph_.add_text(pickle_kind::text, module_name),
                                             graph_.add_text(pickle_kind::text, name)};
    push(graph_.add_items(pickle_kind::global, items));
  }

  void push_named_global() {
    pickle_ref const name = pop(), module_name = pop();
    if (!graph_.is_text(name) || !graph_.is_text(module_name)) refuse("the name of a global is no text");
    push_global(graph_.text(module_name), graph_.text(name));
  }

  // ---- calls and what is done to their results

  void push_call(pickle_ref callable, pickle_ref arguments) {
    if (graph_.kind(callable) != pickle_kind::global) refuse("it calls something that is not named");
    if (graph_.kind(arguments) != pickle_kind::tuple) refuse("arguments of a call: expected a tuple");
    std::string_view const module_name = graph_.text(graph_.items(callable)[0]);
    std::string_view const name = graph_.text(graph_.items(callable)[1]);
    pickle_container const made = container_of_global(module_name, name);
    if (made != pickle_container::no) {
      push_container(made, graph_.items(arguments));
      return;
    }
    std::array<pickle_ref, 2> const items = {callable, arguments};
    push(graph_.add_items(pickle_kind::call, items));
  }

  void push_container(pickle_container made, std::span<pickle_ref const> arguments) {
    // A defaultdict is made from the function that makes its values, which is no content.
    std::span<pickle_ref const> given;
    pickle_kind const from = arguments.empty() ? pickle_kind::none : graph_.kind(arguments[0]);
    if (from >= pickle_kind::tuple && from <= pickle_kind::frozen_set)
      given = graph_.items(arguments[0]);
    else if (from != pickle_kind::none && from != pickle_kind::global && from != pickle_kind::call)
      refuse("a container is made from no container");
    bool const pairs = from == pickle_kind::dict;
    pickle_kind const kind = made == pickle_container::dict   ? pickle_kind::dict
                             : made == pickle_container::list ? pickle_kind::list
                             : made == pickle_container::set  ? pickle_kind::set
                                                              : pickle_kind::frozen_set;
    pickle_ref const out = graph_.add_items(kind, {});
    if (kind == pickle_kind::dict && !pairs) {
      for (pickle_ref const entry : given) {
        bool const sequence = graph_.kind(entry) == pickle_kind::tuple || graph_.kind(entry) == pickle_kind::list;
        if (!sequence || graph_.items(entry).size() != 2) refuse("a dict is made from something else than pairs");
        std::array<pickle_ref, 2> const pair = {graph_.items(entry)[0], graph_.items(entry)[1]};
        add_pairs(out, pair);
      }
    } else {
      std::vector<pickle_ref> const copy(given.begin(), given.end());
      graph_.append(out, copy);
    }
    push(out);
  }

  /// Of an opaque object's elements nothing is kept: its class alone says what they mean.
  void add_elements(pickle_kind container, std::span<pickle_ref const> items) {
    pickle_ref const to = top();
    if (graph_.kind(to) == container)
      graph_.append(to, items);
    else if (graph_.kind(to) != pickle_kind::call)
      refuse("elements for something that takes none");
  }

  void add_pairs(pickle_ref to, std::span<pickle_ref const> items) {
    if (items.size() % 2 != 0) refuse("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      pickle_kind const key = graph_.kind(items[i]);
      if (key == pickle_kind::list || key == pickle_kind::dict || key == pickle_kind::set)
        refuse("a list, dict or set is the key of a dict");
    }
    if (graph_.kind(to) == pickle_kind::dict)
      graph_.append(to, items);
    else if (graph_.kind(to) != pickle_kind::call)
      refuse("a key and a value for something that is no dict");
  }

  void build() {
    pickle_ref const state = pop(), to = top();
    if (graph_.kind(to) == pickle_kind::dict) return;  // attributes of an OrderedDict, as a state dict's _metadata
    if (graph_.kind(to) != pickle_kind::call) refuse("a state for something that has none");
    if (graph_.items(to).size() != 2) refuse("a second state for one object");
    graph_.append(to, std::span(&state, 1));
  }

  void push_persistent() {
    if (ids_ == persistent_ids::refused) refuse("it refers to something outside the pickle");
    pickle_ref const id = pop();
    push(graph_.add_items(pickle_kind::persistent, std::span(&id, 1)));
  }

  void protocol() {
    std::uint64_t const version = unsigned_number(1);
    if (start_ != 0 || version < 2 || version > 5)
      refuse("expected pickle protocol 2 to 5 at the start, found " + std::to_string(version));
  }

  void frame() {
    std::uint64_t const length = unsigned_number(8);
    if (length > source_.size() - at_) refuse("a frame of " + std::to_string(length) + " bytes ends behind the pickle");
  }

  bool stop() const {
    if (stack_.size() != 1 || !marks_.empty()) refuse("it ends with " + std::to_string(stack_.size()) + " values");
    return false;
  }

  /// One opcode; false after STOP.
  bool step() {
    start_ = at_;
    unsigned const code = static_cast<unsigned>(unsigned_number(1));
    if ((start_ == 0) != (code == 0x80)) refuse("expected PROTO as the first opcode, and only there");
    switch (code) {
      case 0x80: protocol(); break;
      case 0x95: frame(); break;
      case '.': {
        stop();
        graph_.set_top(stack_.back());
        return false;
      }
      case '(': mark(); break;
      case '0':
        if (!marks_.empty() && stack_.size() == floor())
          marks_.pop_back();
        else
          pop();
        break;
      case '1': pop_to_mark(); break;
      case '2': push(top()); break;
      case 'N': push(none_); break;
      case 0x88: push(truth_[1]); break;
      case 0x89: push(truth_[0]); break;
      case 'J': push_integer(std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(unsigned_number(4)))); break;
      case 'K': push_integer(static_cast<std::int64_t>(unsigned_number(1))); break;
      case 'M': push_integer(static_cast<std::int64_t>(unsigned_number(2))); break;
      case 0x8a: push_long(unsigned_number(1)); break;
      case 0x8b: push_long(signed_length()); break;
      case 'G': push_real(); break;
      case 'X': push_text(pickle_kind::text, unsigned_number(4)); break;
      case 0x8c: push_text(pickle_kind::text, unsigned_number(1)); break;
      case 0x8d: push_text(pickle_kind::text, unsigned_number(8)); break;
      case 'T': push_text(pickle_kind::byte_text, signed_length()); break;
      case 'U': push_text(pickle_kind::byte_text, unsigned_number(1)); break;
      case 'B': push_text(pickle_kind::bytes, unsigned_number(4)); break;
      case 'C': push_text(pickle_kind::bytes, unsigned_number(1)); break;
      case 0x8e:
      case 0x96: push_text(pickle_kind::bytes, unsigned_number(8)); break;
      case ')': push(empty_tuple_); break;
      case 0x85: push_tuple(1); break;
      case 0x86: push_tuple(2); break;
      case 0x87: push_tuple(3); break;
      case 't': push(graph_.add_items(pickle_kind::tuple, pop_to_mark())); break;
      case ']': push(graph_.add_items(pickle_kind::list, {})); break;
      case '}': push(graph_.add_items(pickle_kind::dict, {})); break;
      case 0x8f: push(graph_.add_items(pickle_kind::set, {})); break;
      case 0x91: push(graph_.add_items(pickle_kind::frozen_set, pop_to_mark())); break;
      case 'a': {
        pickle_ref const item = pop();
        add_elements(pickle_kind::list, std::span(&item, 1));
        break;
      }
      case 'e': add_elements(pickle_kind::list, pop_to_mark()); break;
      case 0x90: add_elements(pickle_kind::set, pop_to_mark()); break;
      case 's': {
        pickle_ref const value = pop(), key = pop();
        std::array<pickle_ref, 2> const pair = {key, value};
        add_pairs(top(), pair);
        break;
      }
      case 'u': {
        std::vector<pickle_ref> const pairs = pop_to_mark();
        add_pairs(top(), pairs);
        break;
      }
      case 'q': put(unsigned_number(1)); break;
      case 'r': put(unsigned_number(4)); break;
      case 0x94: put(memo_.size()); break;
      case 'h': get(unsigned_number(1)); break;
      case 'j': get(unsigned_number(4)); break;
      case 'c': {
        std::string_view const module_name = line();
        push_global(module_name, line());
        break;
      }
      case 0x93: push_named_global(); break;
      case 'R':
      case 0x81: {
        pickle_ref const arguments = pop(), callable = pop();
        push_call(callable, arguments);
        break;
      }
      case 0x92: {
        if (graph_.kind(pop()) != pickle_kind::dict) refuse("named arguments: expected a dict");
        pickle_ref const arguments = pop(), callable = pop();
        push_call(callable, arguments);
        break;
      }
      case 'b': build(); break;
      case 'Q': push_persistent(); break;
      default: refuse("opcode " + std::to_string(code) + " is none that files of weights need");
    }
    return true;
  }

  persistent_ids ids_;
  pickle_ref none_ = 0, empty_tuple_ = 0;
  std::array<pickle_ref, 2> truth_{};
  std::array<pickle_ref, 256> small_{};
};

}  // namespace detail

/// A pickle and where it ended.
struct pickle_and_rest {
  pickle_graph graph;
  std::span<std::byte const> rest;
};

/// Reads the pickle at the front of `bytes`, which must outlive the graph. Time and memory are linear in its size, the
/// memory beside texts and bytes (borrowed) at most 8 MiB. Throws input_error, naming `path`, for other opcodes than
/// weights need, names of functions that could do harm, damaged or endless structure.
inline pickle_and_rest read_pickle(std::filesystem::path const& path, std::span<std::byte const> bytes,
                                   persistent_ids ids) {
  detail::pickle_reader reader(path, {reinterpret_cast<char const*>(bytes.data()), bytes.size()}, ids);
  pickle_graph graph = reader.run();
  return {std::move(graph), bytes.subspan(reader.position())};
}

}  // namespace scale
