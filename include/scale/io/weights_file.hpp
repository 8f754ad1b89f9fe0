// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files of weights of every kind that networks come in, told apart by their content. Needs zlib.

#include <scale/io/detail/opaque_label.hpp>
#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/detail/pickled_arrays.hpp>
#include <scale/io/detail/read_npz.hpp>
#include <scale/io/detail/read_pickled_arrays.hpp>
#include <scale/io/detail/read_shards.hpp>
#include <scale/io/detail/read_torch_legacy.hpp>
#include <scale/io/detail/read_torch_zip.hpp>
#include <scale/io/detail/torch_tensors.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/name_map.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/pickle.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/stored_tensor.hpp>
#include <scale/io/weight_value.hpp>
#include <scale/io/weights_kind.hpp>
#include <scale/io/zip_archive.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// Whether the bytes are a zip archive as PyTorch's files are. `path` is for errors, of which none gets out.
inline bool is_torch_zip(std::filesystem::path const& path, std::span<std::byte const> file) {
  try {
    return !detail::torch_folder(zip_archive(path, file)).empty();
  } catch (input_error const&) {
    return false;
  }
}

/// An open file of weights. Its tensors borrow from it, and their bytes stay where they are when it is moved: of the
/// mapped file where they lie there row-major and little-endian, else of copies that it owns.
///
/// Names are the keys and places of a tensor from the file's top, joined by '/': "model/fc.weight", "list/0"; empty for
/// a file that is one array. Nothing that a file says is ever run. Memory beside the mapping: the copies, which all
/// together stay below 4 times the file's size and 16 MiB where a file repeats elements, what compressed arrays say of
/// themselves, and at most 16 MiB. Time is linear in the file's size.
class weights_file {
 public:
  /// Opens .pth, .pt, .pyth and .ckpt of PyTorch (zip archives, and the older format), .safetensors and an index of
  /// several, .npz, .npy, and pickles of NumPy arrays. Throws input_error, naming the file, for every other kind, for
  /// damage, and for whatever could harm; resource_error where the machine lacks memory.
  explicit weights_file(std::filesystem::path path) : path_(std::move(path)) {
    content_.file = mapped_file(path_);
    content_.copies = detail::tensor_copies(path_, content_.file.size());
    kind_ = detail::expect_weights_kind(path_, content_.file.bytes());
    switch (kind_) {
      case weights_kind::torch_zip:
      case weights_kind::npz: open_zip(); break;
      case weights_kind::torch_legacy:
      case weights_kind::pickle: open_pickle(); break;
      case weights_kind::safetensors: open_safetensors(); break;
      case weights_kind::safetensors_index: detail::read_shards(content_, path_); break;
      case weights_kind::npy: open_npy(); break;
    }
  }

  std::filesystem::path const& path() const noexcept { return path_; }
  weights_kind kind() const noexcept { return kind_; }

  /// 64 hexadecimal digits: SHA-256 of the file; of an index, of its bytes and then those of its files, in the order in
  /// which its tensors, sorted by name, first name them. Reads them all.
  std::string sha256() const {
    scale::sha256 hash;
    hash.update(content_.file.bytes());
    if (kind_ == weights_kind::safetensors_index)
      for (safetensors_file const& shard : content_.shards) hash.update(mapped_file(shard.path()).bytes());
    return hex_text(hash.finish());
  }

  /// All tensors, in the file's order; those of zip archives of arrays and of safetensors by name.
  std::vector<stored_tensor> const& tensors() const noexcept { return content_.tensors; }

  /// The same tensors by the dict or list that holds them, under their keys there.
  std::vector<weight_group> const& groups() const noexcept { return content_.groups; }

  /// The texts of a safetensors file's __metadata__, or of an index's metadata.
  std::map<std::string, std::string> const& metadata() const noexcept { return content_.metadata; }

  /// Calls value_at(named_value) for what lies beside the tensors, in the file's order, until it returns false. Throws
  /// input_error where values hold themselves or are nested more than 100 deep.
  template <class F>
  void for_each_value(F const& value_at) const {
    if (!content_.pickle) return;
    pickle_graph const& graph = *content_.pickle;
    detail::torch_tensor_reader const torch(graph);
    detail::pickled_array_reader const numpy(graph);
    bool const arrays = kind_ == weights_kind::pickle;
    detail::pickle_walk const walk(graph,
                                   [&](pickle_ref at) { return arrays ? numpy.is_array(at) : torch.is_tensor(at); });
    walk.for_each_value([&](detail::pickle_place const& place) {
      return value_at(named_value{std::string(place.path), detail::value_of(graph, place.value)});
    });
  }

  /// All of them. Throws input_error where there are more than 100 000.
  std::vector<named_value> values() const {
    std::vector<named_value> out;
    for_each_value([&](named_value value) {
      if (out.size() == 100'000) refuse_file(path_, "more than 100000 values beside its tensors");
      out.push_back(std::move(value));
      return true;
    });
    return out;
  }

 private:
  void open_zip() {
    zip_archive const archive(path_, content_.file.bytes());
    if (!detail::torch_folder(archive).empty()) {
      kind_ = weights_kind::torch_zip;
      detail::read_torch_zip(content_, archive);
    } else if (detail::is_npz(archive)) {
      kind_ = weights_kind::npz;
      detail::read_npz(content_, archive);
    } else {
      refuse_file(path_,
                  "a zip archive that is neither PyTorch's (no FOLDER/data.pkl) nor NumPy's (entries that are "
                  "no .npy)");
    }
  }

  void open_pickle() {
    pickle_and_rest first = read_pickle(path_, content_.file.bytes(), persistent_ids::refused);
    if (detail::is_torch_legacy(first.graph)) {
      kind_ = weights_kind::torch_legacy;
      detail::read_torch_legacy(content_, first.graph, first.rest);
      return;
    }
    kind_ = weights_kind::pickle;
    if (!first.rest.empty()) refuse_file(path_, std::to_string(first.rest.size()) + " bytes behind the pickle");
    detail::read_pickled_arrays(content_, std::move(first.graph));
  }

  void open_safetensors() {
    safetensors_file& file = content_.shards.emplace_back(path_);
    for (stored_tensor const& tensor : file.tensors()) content_.add("", tensor.name.size(), tensor);
    content_.metadata = file.metadata();
  }

  void open_npy() {
    std::span<std::byte const> const all = content_.file.bytes();
    detail::npy_header const header = detail::parse_npy_header(path_, all);
    stored_tensor tensor{std::string(), header.type, header.shape, all.subspan(header.data_begin)};
    detail::expect_npy_data(path_, tensor);
    if (detail::is_reordered(header)) tensor.bytes = content_.copies.keep(detail::row_major_copy(header, tensor.bytes));
    content_.add("", 0, std::move(tensor));
  }

  std::filesystem::path path_;
  weights_kind kind_ = weights_kind::npy;
  detail::weights_content content_;
};

}  // namespace scale
