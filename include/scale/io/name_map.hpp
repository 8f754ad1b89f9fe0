// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weights of a network from a file, strictly: every tensor used, none missing, all of the right shape, or it is said.

#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// From a name in the file to the network's name; nothing where the tensor is not the network's (it then counts as
/// unused). A default-made map keeps all names.
using name_map = std::function<std::optional<std::string>(std::string_view)>;

enum class zero_weight {
  refused,  // a tensor of nothing but zeros is an error: an untrained or blanked layer
  allowed,  // biases and tokens, which may rightly be zero
};

/// A tensor that a network needs.
struct weight_spec {
  std::string name;
  std::vector<index_t> shape;
  zero_weight zeros = zero_weight::allowed;
};

/// What loading found; names are the network's, but `unused` are the file's.
struct loading_report {
  std::vector<std::string> used, unused, missing, wrong_shape, all_zero;
};

/// Tensors by the network's name. Borrows from the file they came from.
class loaded_weights {
 public:
  loading_report report;

  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }

  /// Throws argument_error for a name that was not among the specs, or was missing and allowed to be.
  stored_tensor const& at(std::string_view name, location place = location::current()) const {
    auto const found = tensors_.find(name);
    if (found == tensors_.end()) throw_expected("loaded_weights::at", "name", "a loaded tensor", name, place);
    return *found->second;
  }

  /// Elements as T; see to_vector.
  template <class T>
  std::vector<T> read(std::string_view name, location place = location::current()) const {
    return to_vector<T>(at(name, place));
  }

  void insert(std::string name, stored_tensor const& tensor) { tensors_.insert_or_assign(std::move(name), &tensor); }

 private:
  std::map<std::string, stored_tensor const*, std::less<>> tensors_;
};

/// Something with tensors by name: an open safetensors_file, for one.
template <class Source>
concept weight_source = requires(Source const& source) {
  {std::span<stored_tensor const>(source.tensors())};
  {std::filesystem::path(source.path())};
};

namespace detail {

inline void describe(std::string& text, char const* what, std::span<std::string const> names) {
  if (names.empty()) return;
  text += "\n  " + std::to_string(names.size()) + " " + what + ":";
  constexpr std::size_t shown = 12;
  for (std::size_t i = 0; i < names.size() && i < shown; ++i) text += " " + printable(names[i], 160);
  if (names.size() > shown) text += " ...";
}

/// Empty tensors count as not zero. -0.0 is zero in the float types.
inline bool is_all_zero(stored_tensor const& tensor) {
  if (tensor.bytes.empty()) return false;
  std::size_t const width = size_of(tensor.type);
  bool const has_sign_bit = tensor.type == stored_type::f16 || tensor.type == stored_type::bf16 ||
                            tensor.type == stored_type::f32 || tensor.type == stored_type::f64;
  for (std::size_t i = 0; i < tensor.bytes.size(); ++i) {
    std::byte const value =
        has_sign_bit && i % width == width - 1 ? tensor.bytes[i] & std::byte{0x7f} : tensor.bytes[i];
    if (value != std::byte{0}) return false;
  }
  return true;
}

}  // namespace detail

/// Takes from `source` every tensor of `specs`. Throws one input_error that lists, by name, everything missing, unused,
/// of a wrong shape or all zero where its spec refuses that; names in `allow` (the network's; for unused ones the
/// file's) are excused from missing, unused and all zero, never from a wrong shape. Two names of the file that map to
/// one of the network are refused. The result borrows from `source`.
template <weight_source Source>
loaded_weights load_weights(Source const& source, std::span<weight_spec const> specs,
                            std::span<std::string const> allow = {}, name_map const& rename = {}) {
  auto const allowed = [&](std::string_view name) {
    return std::find(allow.begin(), allow.end(), name) != allow.end();
  };
  std::map<std::string, stored_tensor const*, std::less<>> by_name;
  loaded_weights out;
  std::vector<std::string> unused, missing, wrong, zero;
  for (stored_tensor const& tensor : std::span<stored_tensor const>(source.tensors())) {
    std::optional<std::string> name = rename ? rename(tensor.name) : std::optional<std::string>(tensor.name);
    if (name && !by_name.emplace(*name, &tensor).second)
      refuse_file(source.path(),
                  "two tensors are both '" + printable(*name) + "', one of them '" + printable(tensor.name) + "'");
    bool const known = name && std::any_of(specs.begin(), specs.end(), [&](auto const& s) { return s.name == *name; });
    if (known) continue;
    out.report.unused.push_back(tensor.name);
    if (!allowed(tensor.name)) unused.push_back(tensor.name);
  }
  for (weight_spec const& spec : specs) {
    auto const found = by_name.find(spec.name);
    if (found == by_name.end()) {
      out.report.missing.push_back(spec.name);
      if (!allowed(spec.name)) missing.push_back(spec.name);
      continue;
    }
    stored_tensor const& tensor = *found->second;
    if (tensor.shape != spec.shape) {
      out.report.wrong_shape.push_back(spec.name);
      wrong.push_back(spec.name + " expected " + shape_text(spec.shape) + " found " + shape_text(tensor.shape) + ";");
      continue;
    }
    if (spec.zeros == zero_weight::refused && detail::is_all_zero(tensor)) {
      out.report.all_zero.push_back(spec.name);
      if (!allowed(spec.name)) zero.push_back(spec.name);
    }
    out.report.used.push_back(spec.name);
    out.insert(spec.name, tensor);
  }
  std::string text;
  detail::describe(text, "missing", missing);
  detail::describe(text, "unused", unused);
  detail::describe(text, "of a wrong shape", wrong);
  detail::describe(text, "all zero", zero);
  if (!text.empty())
    refuse_file(source.path(), "the weights do not fit the network; expected " + std::to_string(specs.size()) +
                                   " tensors, used " + std::to_string(out.report.used.size()) + text +
                                   "\n  give the right file, or allow these names one by one");
  return out;
}

}  // namespace scale
