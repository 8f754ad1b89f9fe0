// SPDX-License-Identifier: Apache-2.0
#pragma once
// What parameters a network has, and where each lies in the one buffer that holds them all.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// Whether AdamW shrinks the parameter. Biases, one-dimensional parameters and learnt tokens do not decay.
enum class weight_decay {
  yes,
  no,
};

enum class initial_value {
  zero,
  one,
  uniform,  // in [-1 / sqrt(fan_in), 1 / sqrt(fan_in))
};

enum class linear_bias {
  present,
  absent,
};

/// A parameter before it has a place.
struct parameter_spec {
  std::string name;
  std::vector<index_t> shape;
  weight_decay decay = weight_decay::yes;
  initial_value initial = initial_value::uniform;
  index_t fan_in = 0;  // of the layer, for initial_value::uniform
};

/// Weight [out, in] and, where asked for, bias [out], both uniform with bound 1 / sqrt(in).
inline void add_linear(std::vector<parameter_spec>& specs, std::string const& name, index_t out, index_t in,
                       linear_bias bias = linear_bias::present) {
  specs.push_back({name + ".weight", {out, in}, weight_decay::yes, initial_value::uniform, in});
  if (bias == linear_bias::present)
    specs.push_back({name + ".bias", {out}, weight_decay::no, initial_value::uniform, in});
}

inline void add_layer_norm(std::vector<parameter_spec>& specs, std::string const& name, index_t width) {
  specs.push_back({name + ".weight", {width}, weight_decay::no, initial_value::one, 0});
  specs.push_back({name + ".bias", {width}, weight_decay::no, initial_value::zero, 0});
}

/// A learnt token, [1, 1, width].
inline void add_token(std::vector<parameter_spec>& specs, std::string const& name, index_t width) {
  specs.push_back({name, {1, 1, width}, weight_decay::no, initial_value::zero, 0});
}

/// A parameter with its place: elements [offset, offset + size) of every buffer laid out by the table.
struct parameter_entry : parameter_spec {
  index_t offset = 0;
  index_t size = 0;
};

/// Lays parameters out in one buffer: all that decay first, then the others, each group in the order of the specs, so
/// that an optimiser works on two ranges whatever the network. Offsets are multiples of 32 elements (64 bytes in the
/// smallest type); what lies between parameters is padding, always 0.
class parameter_table {
 public:
  static constexpr index_t alignment = 32;

  parameter_table() = default;

  /// Throws argument_error for a name that is empty or occurs twice, and for an extent below 1.
  explicit parameter_table(std::vector<parameter_spec> specs, location at = location::current()) {
    entries_.reserve(specs.size());
    for (parameter_spec& spec : specs) {
      index_t size = 1;
      for (index_t const extent : spec.shape) {
        if (extent < 1)
          throw_expected("parameter_table", spec.name + ", extent", "at least 1", std::to_string(extent), at);
        size *= extent;
      }
      if (spec.initial == initial_value::uniform && spec.fan_in < 1)
        throw_expected("parameter_table", spec.name + ", fan_in", "at least 1", std::to_string(spec.fan_in), at);
      expect(!spec.name.empty(), "parameter_table", "a parameter has no name", at);
      expect(by_name_.emplace(spec.name, entries_.size()).second, "parameter_table",
             "two parameters are named " + spec.name, at);
      parameter_entry entry;
      static_cast<parameter_spec&>(entry) = std::move(spec);
      entry.size = size;
      entries_.push_back(std::move(entry));
    }
    place(weight_decay::yes);
    decayed_ = size_;
    place(weight_decay::no);
  }

  /// In the order of the specs: the number of a parameter is its place here.
  std::vector<parameter_entry> const& entries() const& { return entries_; }
  std::vector<parameter_entry> const& entries() const&& = delete;  // would outlive its table

  /// Elements of a buffer, padding included.
  index_t size() const { return size_; }

  /// Elements of the first range, which decays; the second is [decayed(), size()).
  index_t decayed() const { return decayed_; }

  bool contains(std::string_view name) const { return by_name_.find(name) != by_name_.end(); }

  /// Number of the parameter. Throws argument_error for an unknown name.
  std::size_t number(std::string_view name, location at = location::current()) const {
    auto const found = by_name_.find(name);
    if (found == by_name_.end())
      throw_expected("parameter_table", "name", "one of this network's " + std::to_string(entries_.size()), name, at);
    return found->second;
  }

  parameter_entry const& at(std::string_view name, location at = location::current()) const {
    return entries_[number(name, at)];
  }

 private:
  void place(weight_decay group) {
    for (parameter_entry& entry : entries_) {
      if (entry.decay != group) continue;
      entry.offset = size_;
      size_ += (entry.size + alignment - 1) / alignment * alignment;
    }
  }

  std::vector<parameter_entry> entries_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  index_t size_ = 0;
  index_t decayed_ = 0;
};

}  // namespace scale
