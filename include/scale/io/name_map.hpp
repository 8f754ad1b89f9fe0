// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weights of a network from a file, strictly: every tensor used, none missing, all of the right shape, or it is said.

#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
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

/// Where a tensor of a file goes: the network's tensor `name`, or of its rows the `part`-th of `parts` equal runs.
struct weight_place {
  std::string name;
  index_t part = 0, parts = 1;

  bool operator==(weight_place const&) const = default;
  auto operator<=>(weight_place const&) const = default;
};

/// From a name in the file to its place; nothing where this is no name of the network's.
using name_map = std::function<std::optional<weight_place>(std::string_view)>;

/// One way in which files name the tensors of a network.
struct weight_naming {
  std::string name;                                    // whose: "torchvision"
  std::vector<std::string> prefixes = {""};            // what stands before all names; of several, the first is wanted
  name_map place = {};                                 // of a name without prefix; none: the network's own names
  std::function<bool(std::string_view)> surplus = {};  // of a name with prefix: rightly unused, as heads and counters
  std::vector<std::string> groups = {};                // of several groups that hold all weights, the first is wanted
};

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

/// What loading found; names are the network's, but those of `unused` and `surplus` are the file's.
struct loading_report {
  std::string naming, prefix, group;  // as which the file was read
  std::vector<std::string> used, unused, surplus, missing, wrong_shape, all_zero, not_finite;
};

/// Tensors by the network's name. Borrows from the file they came from.
class loaded_weights {
 public:
  loading_report report;

  bool contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }

  /// Elements as T; see to_vector. Throws argument_error for a name that was not among the specs, or was missing and
  /// allowed to be.
  template <class T>
  std::vector<T> read(std::string_view name, location place = location::current()) const {
    auto const found = tensors_.find(name);
    if (found == tensors_.end()) throw_expected("loaded_weights::read", "name", "a loaded tensor", name, place);
    std::vector<T> all;
    for (stored_tensor const* const part : found->second) {
      std::vector<T> values = to_vector<T>(*part);
      if (all.empty())
        all = std::move(values);
      else
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  /// `parts`: the rows of the tensor, in order.
  void insert(std::string name, std::vector<stored_tensor const*> parts) {
    tensors_.insert_or_assign(std::move(name), std::move(parts));
  }

 private:
  std::map<std::string, std::vector<stored_tensor const*>, std::less<>> tensors_;
};

/// Tensors that lie together in a file, as one state dict among others.
struct weight_group {
  std::string path;  // keys from the file's top, joined by '/'; "" for the top
  std::vector<stored_tensor> tensors;
};

/// Something with tensors by name: an open safetensors_file, for one.
template <class Source>
concept weight_source = requires(Source const& source) {
  {std::span<stored_tensor const>(source.tensors())};
  {std::filesystem::path(source.path())};
};

/// One whose tensors lie in groups; `tensors()` are those of all groups then.
template <class Source>
concept grouped_weight_source = weight_source<Source> && requires(Source const& source) {
  {std::span<weight_group const>(source.groups())};
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

constexpr bool is_float(stored_type type) noexcept {
  return type == stored_type::f16 || type == stored_type::bf16 || type == stored_type::f32 || type == stored_type::f64;
}

inline bool is_finite(stored_tensor const& tensor) {
  std::vector<double> const values = to_vector<double>(tensor);
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

/// Tensors under the names of one reading: a group, a naming, a prefix.
struct weight_reading {
  std::string group;
  std::span<stored_tensor const> tensors;
  weight_naming const* naming = nullptr;
  std::string prefix;
  index_t fits = 0;  // tensors that have a place among the specs

  std::optional<weight_place> place_of(std::string_view file_name) const {
    if (file_name.substr(0, prefix.size()) != prefix) return std::nullopt;
    file_name.remove_prefix(prefix.size());
    return naming->place ? naming->place(file_name) : weight_place{std::string(file_name)};
  }
};

using spec_table = std::map<std::string_view, weight_spec const*>;

/// Of two readings that fit as well the earlier in the naming's own order is better: of prefixes, then of groups.
inline bool is_better(weight_reading const& a, weight_reading const& b) {
  if (a.fits != b.fits) return a.fits > b.fits;
  if (a.naming != b.naming || a.group == b.group) return false;
  auto const rank = [&](std::string const& group) {
    return std::find(a.naming->groups.begin(), a.naming->groups.end(), group) - a.naming->groups.begin();
  };
  return rank(a.group) < rank(b.group);
}

/// The reading that fits most specs. Throws input_error where none fits any, or where two groups fit alike.
template <weight_source Source>
weight_reading detect_reading(Source const& source, spec_table const& specs, std::span<weight_naming const> namings) {
  std::vector<weight_reading> readings;
  auto const add = [&](std::string const& group, std::span<stored_tensor const> tensors) {
    for (weight_naming const& naming : namings)
      for (std::string const& prefix : naming.prefixes) {
        weight_reading reading{group, tensors, &naming, prefix};
        for (stored_tensor const& tensor : tensors) {
          std::optional<weight_place> const place = reading.place_of(tensor.name);
          reading.fits += place && specs.contains(place->name) ? 1 : 0;
        }
        readings.push_back(std::move(reading));
      }
  };
  if constexpr (grouped_weight_source<Source>)
    for (weight_group const& group : source.groups()) add(group.path, group.tensors);
  else
    add("", source.tensors());

  weight_reading const* best = nullptr;
  for (weight_reading const& reading : readings)
    if (reading.fits > 0 && (best == nullptr || is_better(reading, *best))) best = &reading;
  if (best == nullptr) {
    std::string known, found;
    for (weight_naming const& naming : namings) known += (known.empty() ? "" : ", ") + naming.name;
    std::span<stored_tensor const> const all(source.tensors());
    for (std::size_t i = 0; i < all.size() && i < 3; ++i) found += (i == 0 ? "" : ", ") + printable(all[i].name, 80);
    refuse_file(source.path(), "expected the names of " + known + ", as '" + std::string(specs.begin()->first) +
                                   "'; found " + std::to_string(all.size()) + " tensors with other names" +
                                   (found.empty() ? "" : ": " + found) + "; give the weights of this network");
  }
  for (weight_reading const& other : readings)
    if (other.naming == best->naming && other.group != best->group && other.fits == best->fits &&
        !is_better(*best, other))
      refuse_file(source.path(), "two groups hold these weights: '" + printable(best->group) + "' and '" +
                                     printable(other.group) + "'; give a file that holds one of them");
  return *best;
}

}  // namespace detail

/// Takes from `source` every tensor of `specs`, under the naming that fits its names best (the network's own where
/// `namings` is empty), from the group that fits best. Throws one input_error that lists, by name, everything missing,
/// unused, of a wrong shape, not of a floating-point type, not finite, or all zero where its spec refuses that; names
/// in `allow` (the network's; for unused ones the file's) are excused from missing, unused and all zero, never from the
/// others. Two names of the file for one place are refused. Other groups of the file are left alone. The result borrows
/// from `source`.
template <weight_source Source>
loaded_weights load_weights(Source const& source, std::span<weight_spec const> specs,
                            std::span<weight_naming const> namings, std::span<std::string const> allow = {},
                            location at = location::current()) {
  expect(!specs.empty(), "load_weights", "a network without tensors has none to load", at);
  weight_naming const own{.name = "the network"};
  if (namings.empty()) namings = std::span(&own, 1);
  auto const allowed = [&](std::string_view name) {
    return std::find(allow.begin(), allow.end(), name) != allow.end();
  };
  detail::spec_table table;
  for (weight_spec const& spec : specs) table.emplace(spec.name, &spec);
  detail::weight_reading const reading = detail::detect_reading(source, table, namings);

  loaded_weights out;
  out.report.naming = reading.naming->name;
  out.report.prefix = reading.prefix;
  out.report.group = reading.group;
  std::map<std::string, std::map<weight_place, stored_tensor const*>> by_name;
  std::vector<std::string> unused, missing, wrong, zero;
  for (stored_tensor const& tensor : reading.tensors) {
    std::optional<weight_place> const place = reading.place_of(tensor.name);
    if (place && table.contains(place->name)) {
      auto const [other, is_new] = by_name[place->name].emplace(*place, &tensor);
      if (!is_new)
        refuse_file(source.path(), "two tensors are both '" + printable(place->name) + "': '" +
                                       printable(other->second->name) + "' and '" + printable(tensor.name) + "'");
    } else if (reading.naming->surplus && reading.naming->surplus(tensor.name)) {
      out.report.surplus.push_back(tensor.name);
    } else {
      out.report.unused.push_back(tensor.name);
      if (!allowed(tensor.name)) unused.push_back(tensor.name);
    }
  }
  for (weight_spec const& spec : specs) {
    auto const found = by_name.find(spec.name);
    index_t const parts = found == by_name.end() ? 0 : found->second.begin()->first.parts;
    if (found == by_name.end() || static_cast<index_t>(found->second.size()) != parts) {
      std::string const some = found == by_name.end() ? "" : " (a part of it)";
      out.report.missing.push_back(spec.name);
      if (!some.empty() || !allowed(spec.name)) missing.push_back(spec.name + some);
      continue;
    }
    std::vector<index_t> part_shape = spec.shape;
    if (parts > 1) part_shape.front() /= parts;
    std::vector<stored_tensor const*> tensors;
    bool fits = true, zeros = false;
    for (auto const& [place, tensor] : found->second) {
      if (tensor->shape != part_shape) {
        fits = false;
        wrong.push_back(spec.name + " expected " + shape_text(part_shape) + " found " + shape_text(tensor->shape) +
                        " in " + printable(tensor->name, 160) + ";");
      } else if (!detail::is_float(tensor->type)) {
        fits = false;
        wrong.push_back(spec.name + " expected floating-point numbers found " + std::string(name_of(tensor->type)) +
                        ";");
      } else if (!detail::is_finite(*tensor)) {
        out.report.not_finite.push_back(spec.name);
      }
      zeros = zeros || (spec.zeros == zero_weight::refused && detail::is_all_zero(*tensor));
      tensors.push_back(tensor);
    }
    if (!fits) {
      out.report.wrong_shape.push_back(spec.name);
      continue;
    }
    if (zeros) {
      out.report.all_zero.push_back(spec.name);
      if (!allowed(spec.name)) zero.push_back(spec.name);
    }
    out.report.used.push_back(spec.name);
    out.insert(spec.name, std::move(tensors));
  }
  std::string text;
  detail::describe(text, "missing", missing);
  detail::describe(text, "unused", unused);
  detail::describe(text, "of a wrong shape or type", wrong);
  detail::describe(text, "not finite", out.report.not_finite);
  detail::describe(text, "all zero", zero);
  if (!text.empty())
    refuse_file(source.path(), "the weights do not fit the network; expected " + std::to_string(specs.size()) +
                                   " tensors, used " + std::to_string(out.report.used.size()) +
                                   (namings.size() > 1 ? ", read with the names of " + reading.naming->name : "") +
                                   text + "\n  give the right file, or allow these names one by one");
  return out;
}

}  // namespace scale
