// SPDX-License-Identifier: Apache-2.0
#pragma once
// NumPy's arrays in a pickle: numpy.core.multiarray._reconstruct and its state, or numpy.core.numeric._frombuffer.
// Source of the arguments: array_reduce and array_setstate in NumPy's methods.c.

#include <scale/io/detail/npy_array.hpp>
#include <scale/io/detail/tensor_copies.hpp>
#include <scale/io/npy_header.hpp>
#include <scale/io/pickle_value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::detail {

class pickled_array_reader {
 public:
  explicit pickled_array_reader(pickle_graph const& graph) : graph_(graph) {}

  bool is_array(pickle_ref at) const { return is_call(at, "multiarray", "_reconstruct") || is_frombuffer(at); }

  /// Throws input_error, naming the array, for other types than numbers and truth values, subclasses, and damaged
  /// arguments. Borrows from the pickle, or from `copies` where the order differs.
  stored_tensor read(pickle_ref at, std::string name, tensor_copies& copies) const {
    npy_header header;
    std::span<std::byte const> data;
    std::span<pickle_ref const> const arguments = graph_.items(graph_.items(at)[1]);
    std::vector<index_t> axes;
    if (is_frombuffer(at)) {  // buffer, dtype, shape, order and, for order K, the axes
      bool const with_axes = arguments.size() == 5 && graph_.kind(arguments[4]) == pickle_kind::tuple;
      if ((arguments.size() != 4 && arguments.size() != 5) || !graph_.is_text(arguments[3]))
        refuse(name, "damaged arguments of _frombuffer");
      set_type(arguments[1], name, header);
      header.shape = shape(arguments[2], name);
      std::string_view const order = graph_.text(arguments[3]);
      if (order != "C" && order != "F" && !(order == "K" && with_axes))
        refuse(name, "order: expected C, F, or K with axes, found '" + printable(order) + "'");
      header.order = order == "F" ? npy_order::column_major : npy_order::row_major;
      if (order == "K") axes = permutation(arguments[4], header.shape.size(), name);
      data = bytes(arguments[0], name, copies);
    } else {
      if (arguments.size() != 3 || !graph_.is_global(arguments[0], "numpy", "ndarray"))
        refuse(name, "expected a plain numpy.ndarray");
      std::span<pickle_ref const> const parts = graph_.items(at);
      std::span<pickle_ref const> const state =
          parts.size() == 3 ? graph_.items(parts[2]) : std::span<pickle_ref const>();
      if (state.size() != 5 || graph_.kind(parts[2]) != pickle_kind::tuple || !is_flag(state[3]))
        refuse(name, "expected a state of version, shape, type, order and data");
      header.shape = shape(state[1], name);
      set_type(state[2], name, header);
      header.order = graph_.integer(state[3]) != 0 ? npy_order::column_major : npy_order::row_major;
      data = bytes(state[4], name, copies);
    }
    stored_tensor out{name, header.type, header.shape, data};
    expect_npy_data(graph_.path() / name, out);
    if (is_reordered(header)) out.bytes = copies.keep(row_major_copy(header, data));
    if (!axes.empty()) transpose(out, axes, copies);
    return out;
  }

 private:
  [[noreturn]] void refuse(std::string_view name, std::string const& what) const {
    refuse_file(graph_.path(), "array '" + printable(name) + "': " + what);
  }

  /// Of numpy.core or, since NumPy 2, numpy._core.
  bool is_call(pickle_ref at, std::string const& module_name, std::string_view function) const {
    if (graph_.kind(at) != pickle_kind::call) return false;
    pickle_ref const global = graph_.items(at)[0];
    return graph_.is_global(global, "numpy.core." + module_name, function) ||
           graph_.is_global(global, "numpy._core." + module_name, function);
  }

  bool is_frombuffer(pickle_ref at) const { return is_call(at, "numeric", "_frombuffer"); }

  /// Python 2 writes 0 and 1 for False and True.
  bool is_flag(pickle_ref at) const {
    return graph_.kind(at) == pickle_kind::truth || graph_.kind(at) == pickle_kind::integer;
  }

  std::vector<index_t> shape(pickle_ref at, std::string const& name) const {
    std::span<pickle_ref const> const items = graph_.items(at);
    if (graph_.kind(at) != pickle_kind::tuple || items.size() > npy_max_rank)
      refuse(name, "shape: expected a tuple of at most 64 whole numbers");
    std::vector<index_t> out;
    for (pickle_ref const item : items) {
      if (graph_.kind(item) != pickle_kind::integer || graph_.integer(item) < 0)
        refuse(name, "shape: expected whole numbers from 0 up");
      out.push_back(graph_.integer(item));
    }
    return out;
  }

  /// The numbers from 0 to rank - 1 in some order.
  std::vector<index_t> permutation(pickle_ref at, std::size_t rank, std::string const& name) const {
    std::vector<index_t> axes = shape(at, name);
    std::vector<index_t> sorted = axes;
    std::sort(sorted.begin(), sorted.end());
    bool good = sorted.size() == rank;
    for (std::size_t i = 0; good && i < rank; ++i) good = sorted[i] == static_cast<index_t>(i);
    if (!good) refuse(name, "axes: expected each axis once");
    return axes;
  }

  /// Axis i of the result is axis axes[i] of what `array` holds.
  static void transpose(stored_tensor& array, std::vector<index_t> const& axes, tensor_copies& copies) {
    std::size_t const rank = axes.size();
    std::vector<index_t> strides(rank, 1);
    for (std::size_t axis = rank; axis-- > 1;) strides[axis - 1] = strides[axis] * array.shape[axis];
    strided_view view{array.type, 0, {}, {}};
    for (index_t const axis : axes) {
      view.shape.push_back(array.shape[static_cast<std::size_t>(axis)]);
      view.strides.push_back(strides[static_cast<std::size_t>(axis)]);
    }
    array.bytes = row_major_bytes(view, array.bytes, array.bytes.size(), array.name, copies);
    array.shape = std::move(view.shape);
  }

  /// numpy.dtype('f4', ...) with the state (3, '<', None, None, None, -1, -1, 0).
  void set_type(pickle_ref at, std::string const& name, npy_header& out) const {
    std::span<pickle_ref const> const parts = graph_.items(at);
    if (graph_.kind(at) != pickle_kind::call || !graph_.is_global(parts[0], "numpy", "dtype") ||
        graph_.items(parts[1]).empty() || !graph_.is_text(graph_.items(parts[1])[0]))
      refuse(name, "expected a numpy.dtype");
    std::string_view const word = graph_.text(graph_.items(parts[1])[0]);
    std::string_view order = "<";
    if (parts.size() == 3) {
      std::span<pickle_ref const> const state = graph_.items(parts[2]);
      if (graph_.kind(parts[2]) != pickle_kind::tuple || state.size() < 5 || !graph_.is_text(state[1]))
        refuse(name, "damaged state of a numpy.dtype");
      for (std::size_t i = 2; i < 5; ++i)
        if (graph_.kind(state[i]) != pickle_kind::none) refuse(name, "a structured or nested dtype");
      order = graph_.text(state[1]);
    }
    for (npy_type_row const& row : npy_types)
      if (row.word == word &&
          (order == "<" || order == ">" || order == "=" || (order == "|" && size_of(row.type) == 1))) {
        out.type = row.type;
        out.swap_bytes = order == ">" && size_of(row.type) > 1;
        return;
      }
    refuse(name, "expected a dtype of numbers, such as 'f4', found '" + printable(word) + "' in order '" +
                     printable(order) + "'");
  }

  /// Data are bytes, Python 2's str, or text that stands for bytes: _codecs.encode(text, 'latin1').
  std::span<std::byte const> bytes(pickle_ref at, std::string const& name, tensor_copies& copies) const {
    if (graph_.kind(at) == pickle_kind::bytes || graph_.kind(at) == pickle_kind::byte_text)
      return std::as_bytes(std::span(graph_.text(at)));
    if (graph_.kind(at) == pickle_kind::call) {
      std::span<pickle_ref const> const arguments = graph_.items(graph_.items(at)[1]);
      pickle_ref const function = graph_.items(at)[0];
      if (graph_.is_global(function, "_codecs", "encode") && arguments.size() == 2 &&
          graph_.kind(arguments[0]) == pickle_kind::text && graph_.is_text(arguments[1]) &&
          (graph_.text(arguments[1]) == "latin1" || graph_.text(arguments[1]) == "latin-1"))
        return copies.keep(from_latin1(graph_.text(arguments[0]), name));
      if ((graph_.is_global(function, "builtins", "bytes") || graph_.is_global(function, "__builtin__", "bytes")) &&
          arguments.empty())
        return {};
    }
    refuse(name, "its data are no bytes");
  }

  /// The pickle reader has checked that the text is UTF-8.
  std::vector<std::byte> from_latin1(std::string_view text, std::string const& name) const {
    std::vector<std::byte> out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      unsigned const first = static_cast<unsigned char>(text[i]);
      if (first < 0x80u) {
        out.push_back(static_cast<std::byte>(first));
      } else if (first < 0xc4u) {
        unsigned const second = static_cast<unsigned char>(text[++i]);
        out.push_back(static_cast<std::byte>(((first & 3u) << 6) | (second & 0x3fu)));
      } else {
        refuse(name, "its data hold a character above 255");
      }
    }
    return out;
  }

  pickle_graph const& graph_;
};

}  // namespace scale::detail
