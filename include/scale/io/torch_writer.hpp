// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing PyTorch's .pth: a state dict that torch.load(weights_only=True) reads. Needs zlib.

#include <scale/io/atomic_file.hpp>
#include <scale/io/detail/torch_tensors.hpp>
#include <scale/io/detail/utf8.hpp>
#include <scale/io/detail/zip_writer.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace scale {

namespace detail {

/// Builds data.pkl: an OrderedDict of tensors, protocol 2. Names nothing but collections.OrderedDict,
/// torch._utils._rebuild_tensor_v2 and storages, all of which weights_only allows.
class torch_pickle_writer {
 public:
  torch_pickle_writer() {
    out_ = "\x80\x02";
    ordered_dict();
    out_ += '(';
  }

  /// The tensor's storage is the entry data/<key>.
  void add(stored_tensor const& tensor, std::string_view storage_type, std::string const& key) {
    text(tensor.name);
    once("ctorch._utils\n_rebuild_tensor_v2\n");
    out_ += "((";
    once(text_of("storage"));
    once("ctorch\n" + std::string(storage_type) + "\n");
    text(key);
    once(text_of("cpu"));
    integer(tensor.size());
    out_ += "tQK";
    out_ += '\0';
    out_ += '(';
    for (index_t const extent : tensor.shape) integer(extent);
    out_ += "t(";
    std::vector<index_t> strides(tensor.shape.size(), 1);
    for (std::size_t axis = strides.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * (tensor.shape[axis] > 1 ? tensor.shape[axis] : 1);
    for (index_t const stride : strides) integer(stride);
    out_ += "t\x89";
    ordered_dict();
    out_ += "tR";
  }

  std::string finish() { return out_ + "u."; }

 private:
  void ordered_dict() {
    once("ccollections\nOrderedDict\n");
    out_ += ")R";
  }

  /// Writes an object the first time, and refers to it afterwards.
  void once(std::string const& object) {
    auto const [at, is_new] = memo_.emplace(object, memo_.size());
    if (is_new) out_ += object;
    out_ += is_new ? 'q' : 'h';
    out_ += static_cast<char>(at->second);  // 15 objects at most
  }

  static std::string text_of(std::string_view words) {
    std::string out = "X";
    for (int i = 0; i < 4; ++i) out += static_cast<char>((words.size() >> (8 * i)) & 0xffu);
    return out.append(words);
  }

  void text(std::string_view words) { out_ += text_of(words); }

  void integer(index_t value) {
    std::uint64_t const bits = static_cast<std::uint64_t>(value);
    int const bytes = value < 256 ? 1 : value < 65536 ? 2 : value < (index_t{1} << 31) ? 4 : 8;
    out_ += bytes == 1 ? "K" : bytes == 2 ? "M" : bytes == 4 ? "J" : "\x8a\x08";
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>((bits >> (8 * i)) & 0xffu);
  }

  std::string out_;
  std::map<std::string, std::size_t> memo_;
};

/// PyTorch's word for a typed storage of the type; none for those that only untyped storages hold.
constexpr std::optional<std::string_view> torch_storage_name(stored_type type) noexcept {
  for (torch_type_row const& row : torch_types)
    if (row.type == type && !row.storage.empty()) return row.storage;
  return std::nullopt;
}

/// Forty digits, as PyTorch has, that follow from the content.
inline std::string torch_serialization_id(std::string_view pickle, std::span<stored_tensor const> tensors) {
  std::uint64_t names = 0xcbf29ce484222325u, data = names;
  auto const mix = [](std::uint64_t& hash, std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (char const c : pickle) mix(names, static_cast<unsigned char>(c));
  for (stored_tensor const& tensor : tensors) mix(data, zip_crc(tensor.bytes));
  std::string out;
  for (std::uint64_t const half : {names, data}) {
    std::string const digits = std::to_string(half);
    out += std::string(20 - digits.size(), '0') + digits;
  }
  return out;
}

}  // namespace detail

/// Whether PyTorch's state dicts hold tensors of the type in every version since 1.6: not U16, U32, U64 and the 8-bit
/// floats.
constexpr bool torch_holds(stored_type type) noexcept { return detail::torch_storage_name(type).has_value(); }

/// Writes the tensors, in the order given, as an OrderedDict of contiguous tensors: a zip archive of stored entries
/// that begin at multiples of 64, little-endian. The same bytes for the same input, whatever the file's name. Throws
/// argument_error for a name that is empty, not UTF-8 or given twice, a shape that differs from its bytes, and a type
/// that torch_holds denies; else as atomic_file.
inline void write_torch(std::filesystem::path const& path, std::span<stored_tensor const> tensors,
                        detail::zip64_fields fields = detail::zip64_fields::where_needed) {
  std::set<std::string_view> names;
  detail::torch_pickle_writer pickle;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    stored_tensor const& t = tensors[i];
    std::string const where = "tensor '" + printable(t.name) + "' ";
    expect(!t.name.empty() && detail::is_valid_utf8(t.name), "write_torch", where + "has no name in UTF-8");
    expect(names.insert(t.name).second, "write_torch", where + "is given twice");
    std::optional<std::uint64_t> const bytes = stored_bytes(t.type, t.shape);
    expect(bytes && *bytes == t.bytes.size() && t.shape.size() <= 64, "write_torch",
           where + "has " + std::to_string(t.bytes.size()) + " bytes, not those of shape " + shape_text(t.shape));
    std::optional<std::string_view> const storage = detail::torch_storage_name(t.type);
    expect(storage.has_value(), "write_torch",
           where + "is " + std::string(name_of(t.type)) + ", which PyTorch's storages do not have; convert it first");
    pickle.add(t, *storage, std::to_string(i));
  }
  std::string const content = pickle.finish();
  atomic_file file(path);
  detail::zip_writer zip(file, fields);
  zip.add("archive/data.pkl", content);
  zip.add("archive/.format_version", "1");
  zip.add("archive/.storage_alignment", "64");
  zip.add("archive/byteorder", "little");
  for (std::size_t i = 0; i < tensors.size(); ++i) zip.add("archive/data/" + std::to_string(i), tensors[i].bytes);
  zip.add("archive/version", "3\n");
  zip.add("archive/.data/serialization_id", detail::torch_serialization_id(content, tensors));
  zip.finish();
  file.commit();
}

}  // namespace scale
