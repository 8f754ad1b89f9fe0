// SPDX-License-Identifier: Apache-2.0
#pragma once
// How files name the tensors of a transformer: tables from a file's names to the network's, blocks by their number.

#include <scale/io/name_map.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// One tensor under two names; the file's holds of the network's rows the `part`-th of `parts` equal runs.
struct vit_name {
  std::string_view own, file;
  index_t part = 0, parts = 1;
};

/// All tensors of a network in one naming. Those of block I are "blocks.I.own" in the network, and in the file
/// `block_prefix` + "I." + file. A file's name may come without `optional_prefix` where the table has it.
struct vit_name_table {
  std::string_view optional_prefix;
  std::span<vit_name const> outside;  // of the blocks
  std::string_view block_prefix;
  std::span<vit_name const> block;
};

namespace detail {

struct block_name {
  std::string_view number, leaf;
};

/// The parts of `prefix` + number + "." + leaf; nothing where the name is none of that form.
inline std::optional<block_name> split_block_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::size_t const digits = name.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos || name[digits] != '.') return std::nullopt;
  if (digits > 1 && name[0] == '0') return std::nullopt;
  return block_name{name.substr(0, digits), name.substr(digits + 1)};
}

inline vit_name const* find_name(std::span<vit_name const> names, std::string_view file) {
  auto const found = std::find_if(names.begin(), names.end(), [&](vit_name const& n) { return n.file == file; });
  return found == names.end() ? nullptr : &*found;
}

inline std::optional<weight_place> place_as_is(vit_name_table const& table, std::string_view name) {
  if (vit_name const* const found = find_name(table.outside, name))
    return weight_place{std::string(found->own), found->part, found->parts};
  std::optional<block_name> const block = split_block_name(name, table.block_prefix);
  if (!block) return std::nullopt;
  vit_name const* const found = find_name(table.block, block->leaf);
  if (found == nullptr) return std::nullopt;
  return weight_place{"blocks." + std::string(block->number) + "." + std::string(found->own), found->part,
                      found->parts};
}

}  // namespace detail

/// The place of a file's name by a table.
inline std::optional<weight_place> vit_place(vit_name_table const& table, std::string_view name) {
  std::optional<weight_place> place = detail::place_as_is(table, name);
  if (place || table.optional_prefix.empty()) return place;
  return detail::place_as_is(table, std::string(table.optional_prefix) + std::string(name));
}

/// A tensor as a file would hold it.
struct vit_file_tensor {
  std::string name;
  std::vector<index_t> shape;
};

/// The names and shapes under which files of this naming hold a network's tensors: the table read the other way.
inline std::vector<vit_file_tensor> vit_file_tensors(std::span<weight_spec const> specs, vit_name_table const& table) {
  std::vector<vit_file_tensor> tensors;
  for (weight_spec const& spec : specs) {
    std::optional<detail::block_name> const block = detail::split_block_name(spec.name, "blocks.");
    std::string_view const own = block ? block->leaf : std::string_view(spec.name);
    for (vit_name const& name : block ? table.block : table.outside) {
      if (name.own != own) continue;
      std::vector<index_t> part_shape = spec.shape;
      part_shape.front() /= name.parts;
      std::string file(name.file);
      if (block) file = std::string(table.block_prefix) + std::string(block->number) + "." + file;
      tensors.push_back({std::move(file), std::move(part_shape)});
    }
  }
  return tensors;
}

/// Names that belong to parts of a file which a backbone has no use for: whole names, and leaves of numbered blocks.
struct vit_surplus {
  std::span<std::string_view const> whole;
  std::string_view block_prefix = {};
  std::span<std::string_view const> block = {};

  bool contains(std::string_view name) const {
    auto const among = [](std::span<std::string_view const> all, std::string_view one) {
      return std::find(all.begin(), all.end(), one) != all.end();
    };
    if (among(whole, name)) return true;
    if (block.empty()) return false;
    std::optional<detail::block_name> const parts = detail::split_block_name(name, block_prefix);
    return parts && among(block, parts->leaf);
  }
};

/// The name without the first of `prefixes` that it begins with.
inline std::string_view without_prefix(std::string_view name, std::span<std::string_view const> prefixes) {
  for (std::string_view const prefix : prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

}  // namespace scale
