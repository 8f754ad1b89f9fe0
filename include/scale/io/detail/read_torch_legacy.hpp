// SPDX-License-Identifier: Apache-2.0
#pragma once
// PyTorch's files before 1.6: five pickles (a magic number, a version, the writer's machine, the object, the storages'
// keys), then for each key the number of elements in 8 bytes, and the elements. Source: torch/serialization.py.

#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/detail/read_torch_pickle.hpp>
#include <scale/io/detail/torch_tensors.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/pickle.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace scale::detail {

/// Whether the pickle at a file's front is the magic number, or meant to be: a lone whole number.
inline bool is_torch_legacy(pickle_graph const& first) {
  pickle_kind const kind = first.kind(first.top());
  return kind == pickle_kind::long_integer || kind == pickle_kind::integer;
}

/// Throws input_error unless the writer's machine was little-endian.
inline void expect_little_endian(pickle_graph const& machine) {
  std::span<pickle_ref const> const items = machine.items(machine.top());
  if (machine.kind(machine.top()) == pickle_kind::dict)
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      if (machine.is_text(items[i]) && machine.text(items[i]) == "little_endian" &&
          machine.kind(items[i + 1]) == pickle_kind::truth && machine.integer(items[i + 1]) == 1)
        return;
  refuse_file(machine.path(), "it does not say that it was written on a little-endian machine");
}

/// `first` is the pickle at the front, `rest` what follows it.
inline void read_torch_legacy(weights_content& content, pickle_graph const& first, std::span<std::byte const> rest) {
  std::filesystem::path const path = first.path();
  constexpr std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  if (first.kind(first.top()) != pickle_kind::long_integer || first.text(first.top()) != magic)
    refuse_file(path, "expected PyTorch's magic number at the front, found another number");
  auto const next = [&](persistent_ids ids) {
    pickle_and_rest read = read_pickle(path, rest, ids);
    rest = read.rest;
    return std::move(read.graph);
  };
  pickle_graph const version = next(persistent_ids::refused);
  if (version.kind(version.top()) != pickle_kind::integer || version.integer(version.top()) != 1001)
    refuse_file(path, "expected version 1001 of PyTorch's old format");
  expect_little_endian(next(persistent_ids::refused));
  pickle_graph object = next(persistent_ids::kept);
  pickle_graph const keys = next(persistent_ids::refused);
  if (keys.kind(keys.top()) != pickle_kind::list) refuse_file(path, "expected a list of storages' keys");

  // How wide a storage's elements are, only the tensors say.
  std::map<std::string, torch_storage, std::less<>> wanted;
  torch_tensor_reader const reader(object);
  pickle_walk const walk(object, [&](pickle_ref at) { return reader.is_tensor(at); });
  walk.for_each_tensor([&](pickle_place const& place) {
    torch_storage storage = reader.read(place.value, place.path).storage;
    std::string key = storage.key;
    wanted.emplace(std::move(key), std::move(storage));
  });

  std::map<std::string, std::span<std::byte const>, std::less<>> storages;
  for (pickle_ref const item : keys.items(keys.top())) {
    std::string const key(keys.is_text(item) ? keys.text(item) : std::string_view());
    auto const refuse = [&](std::string const& what) {
      refuse_file(path, "storage '" + printable(key) + "': " + what);
    };
    auto const known = wanted.find(key);
    if (known == wanted.end()) refuse("listed, and no tensor says of which type");
    if (rest.size() < 8) refuse("cut short");
    std::uint64_t const elements = load_unaligned<std::uint64_t>(rest.data());
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(elements, std::uint64_t{known->second.unit}, &bytes) || bytes != known->second.bytes)
      refuse("expected " + std::to_string(known->second.bytes / known->second.unit) + " elements, found " +
             std::to_string(static_cast<std::int64_t>(elements)));
    if (bytes > rest.size() - 8)
      refuse("expected " + std::to_string(bytes) + " bytes, found " + std::to_string(rest.size() - 8) + ": cut short");
    if (!storages.emplace(key, rest.subspan(8, static_cast<std::size_t>(bytes))).second) refuse("listed twice");
    rest = rest.subspan(8 + static_cast<std::size_t>(bytes));
  }
  if (!rest.empty()) refuse_file(path, std::to_string(rest.size()) + " bytes behind the last storage");
  read_torch_pickle(content, std::move(object), [&](torch_storage const& storage, std::string const& name) {
    auto const found = storages.find(storage.key);
    if (found == storages.end())
      refuse_file(path, "tensor '" + printable(name) + "': there is no storage '" + printable(storage.key) + "'");
    return found->second;
  });
}

}  // namespace scale::detail
