// SPDX-License-Identifier: Apache-2.0
#pragma once
// Elements of a NumPy array in row-major, little-endian order, whatever order a file has them in.

#include <scale/io/file_error.hpp>
#include <scale/io/npy_header.hpp>
#include <scale/io/stored_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scale::detail {

/// Throws input_error, naming `path`, unless the tensor's bytes are those of its shape, and a truth value's 0 or 1.
inline void expect_npy_data(std::filesystem::path const& path, stored_tensor const& tensor) {
  std::optional<std::uint64_t> const expected = stored_bytes(tensor.type, tensor.shape);
  if (!expected) refuse_file(path, "shape " + shape_text(tensor.shape) + " overflows");
  if (*expected != tensor.bytes.size())
    refuse_file(path, "shape " + shape_text(tensor.shape) + " of " + std::string(name_of(tensor.type)) + ": expected " +
                          std::to_string(*expected) + " bytes of data, found " + std::to_string(tensor.bytes.size()));
  if (tensor.type == stored_type::boolean &&
      std::any_of(tensor.bytes.begin(), tensor.bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
    refuse_file(path, "a truth value is neither 0 nor 1");
}

inline bool is_reordered(npy_header const& header) {
  return header.swap_bytes || (header.order == npy_order::column_major && header.shape.size() > 1);
}

/// A copy of `data`, whose size expect_npy_data has checked, in row-major, little-endian order.
inline std::vector<std::byte> row_major_copy(npy_header const& header, std::span<std::byte const> data) {
  bool const reorder = header.order == npy_order::column_major && header.shape.size() > 1;
  std::size_t const width = size_of(header.type);
  std::size_t const rank = header.shape.size();
  std::vector<std::byte> copy(data.size());
  std::vector<std::size_t> index(rank, 0), stride(rank, 1);
  if (reorder)
    for (std::size_t axis = 1; axis < rank; ++axis)
      stride[axis] = stride[axis - 1] * static_cast<std::size_t>(header.shape[axis - 1]);
  for (std::size_t to = 0; to < data.size(); to += width) {
    std::size_t from = to;
    if (reorder) {
      from = 0;
      for (std::size_t axis = 0; axis < rank; ++axis) from += index[axis] * stride[axis] * width;
      for (std::size_t axis = rank; axis-- > 0;) {
        if (++index[axis] < static_cast<std::size_t>(header.shape[axis])) break;
        index[axis] = 0;
      }
    }
    for (std::size_t b = 0; b < width; ++b) copy[to + b] = data[from + (header.swap_bytes ? width - 1 - b : b)];
  }
  return copy;
}

}  // namespace scale::detail
