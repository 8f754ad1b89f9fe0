// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tensors that PyTorch's pickle describes, over storages that lie elsewhere in the file.

#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/detail/tensor_copies.hpp>
#include <scale/io/detail/torch_tensors.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/pickle_value.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace scale::detail {

/// Throws input_error unless the pickle's top is what files of weights have there.
inline void expect_weights_at_top(pickle_graph const& graph, bool has_tensors) {
  pickle_kind const kind = graph.kind(graph.top());
  if (has_tensors || kind == pickle_kind::dict) return;
  std::string found = "a value without tensors";
  if (kind == pickle_kind::call)
    found = "an object of " + graph.global_name(graph.items(graph.top())[0]) + "; save its state_dict() instead";
  refuse_file(graph.path(), "expected a dict of tensors, found " + found);
}

/// Fills `content` with every tensor of the graph, which it takes over. `storage_of(storage, name)` gives the bytes of
/// the whole storage, and refuses those that are not there; `name` is the tensor's.
template <class StorageOf>
void read_torch_pickle(weights_content& content, pickle_graph taken, StorageOf const& storage_of) {
  content.pickle.emplace(std::move(taken));
  pickle_graph const& graph = *content.pickle;
  std::filesystem::path const& path = graph.path();
  torch_tensor_reader const reader(graph);
  pickle_walk const walk(graph, [&](pickle_ref at) { return reader.is_tensor(at); });
  expect_weights_at_top(graph, walk.holds_tensor(graph.top()));
  walk.for_each_tensor([&](pickle_place const& place) {
    std::string const name(place.path);
    torch_tensor const tensor = reader.read(place.value, name);
    std::span<std::byte const> const storage = storage_of(tensor.storage, name);
    if (storage.size() != tensor.storage.bytes)
      refuse_file(path, "tensor '" + printable(name) + "': storage '" + printable(tensor.storage.key) + "': expected " +
                            std::to_string(tensor.storage.bytes) + " bytes, found " + std::to_string(storage.size()));
    std::optional<std::uint64_t> const bytes = checked_bytes(tensor.view, storage.size());
    if (!bytes)
      refuse_file(path, "tensor '" + printable(name) + "': shape " + shape_text(tensor.view.shape) + ", strides " +
                            shape_text(tensor.view.strides) + " from element " + std::to_string(tensor.view.offset) +
                            " of " + std::string(name_of(tensor.view.type)) + " reach outside its storage of " +
                            std::to_string(storage.size()) + " bytes");
    stored_tensor out{name, tensor.view.type, tensor.view.shape,
                      row_major_bytes(tensor.view, storage, *bytes, name, content.copies)};
    weights_content::expect_truth_values(path, out);
    content.add(place.group, place.key_size, std::move(out));
  });
  content.expect_unique_names(path);
}

}  // namespace scale::detail
