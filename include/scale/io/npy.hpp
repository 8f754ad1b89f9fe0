// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading and writing .npy, NumPy's array file: versions 1 to 3, plain number types.

#include <scale/io/atomic_file.hpp>
#include <scale/io/detail/npy_array.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/npy_header.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// An open .npy file. Its tensor (with an empty name) borrows from it: from the mapping where the file is row-major and
/// little-endian, else from a copy brought into that order.
class npy_file {
 public:
  /// Throws input_error, naming the file, for another format or version, a header that is no dictionary of exactly
  /// descr, fortran_order and shape, object, structured, text and other types than numbers and truth values, a length
  /// that differs from what the shape takes, and a truth value other than 0 and 1.
  explicit npy_file(std::filesystem::path const& path) : file_(path) {
    std::span<std::byte const> const all = file_.bytes();
    detail::npy_header const header = detail::parse_npy_header(path, all);
    std::span<std::byte const> const data = all.subspan(header.data_begin);
    tensor_ = {std::string(), header.type, header.shape, data};
    detail::expect_npy_data(path, tensor_);
    if (detail::is_reordered(header)) {
      copy_ = detail::row_major_copy(header, data);
      tensor_.bytes = copy_;
    }
  }

  std::filesystem::path const& path() const noexcept { return file_.path(); }
  stored_tensor const& tensor() const noexcept { return tensor_; }

  /// All elements as T; see to_vector.
  template <class T>
  std::vector<T> read() const {
    return to_vector<T>(tensor_);
  }

 private:
  mapped_file file_;
  std::vector<std::byte> copy_;
  stored_tensor tensor_;
};

/// Writes one array piece by piece, row-major; the file appears, whole, with finish(). Memory does not grow with it.
class npy_writer {
 public:
  /// Throws argument_error for a type NumPy has no word for (BF16, 8-bit floats), else as atomic_file.
  npy_writer(std::filesystem::path const& path, stored_type type, std::vector<index_t> const& extents) : file_(path) {
    std::optional<std::uint64_t> const bytes = stored_bytes(type, extents);
    expect(bytes.has_value(), "npy_writer", "shape " + shape_text(extents) + " is negative or overflows");
    left_ = *bytes;
    file_.write(detail::npy_header_text(type, extents));
  }

  void write(std::span<std::byte const> bytes) {
    expect(bytes.size() <= left_, "npy_writer::write", "more elements than the shape has");
    file_.write(bytes);
    left_ -= bytes.size();
  }

  void finish() {
    expect(left_ == 0, "npy_writer::finish", std::to_string(left_) + " bytes of the shape's elements were not written");
    file_.commit();
  }

 private:
  atomic_file file_;
  std::uint64_t left_ = 0;
};

/// Writes a whole array; its name is not kept.
inline void write_npy(std::filesystem::path const& path, stored_tensor const& tensor) {
  npy_writer writer(path, tensor.type, tensor.shape);
  writer.write(tensor.bytes);
  writer.finish();
}

}  // namespace scale
