// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensors that a file stores with gaps, as views of larger ones, brought into row-major order.

#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale::detail {

/// Copies that live as long as this object, and stay where they are when it is moved. All together at most 4 times
/// the file's size and 16 MiB: a view that repeats one element says more bytes in a small file than any machine has.
class tensor_copies {
 public:
  tensor_copies() = default;
  tensor_copies(std::filesystem::path path, std::uint64_t file_size)
      : path_(std::move(path)), left_(4 * file_size + (std::uint64_t{16} << 20)) {}

  std::span<std::byte> allocate(std::uint64_t bytes, std::string const& name) {
    if (bytes > left_)
      refuse_file(path_, "tensor '" + printable(name) + "': " + std::to_string(bytes) +
                             " bytes once its repeated elements are written out, above 4 times the file's size and 16 "
                             "MiB; store it without stride 0");
    left_ -= bytes;
    return keep(std::vector<std::byte>(static_cast<std::size_t>(bytes)));
  }

  /// Takes over a copy that the file's own bytes bound.
  std::span<std::byte> keep(std::vector<std::byte> bytes) {
    buffers_.push_back(std::move(bytes));
    return buffers_.back();
  }

 private:
  std::filesystem::path path_;
  std::uint64_t left_ = 0;
  std::deque<std::vector<std::byte>> buffers_;
};

/// A view of `storage`: element (i, j ...) lies at offset + i * strides[0] + j * strides[1] ..., in elements.
struct strided_view {
  stored_type type = stored_type::f32;
  std::uint64_t offset = 0;
  std::vector<index_t> shape, strides;
};

/// Bytes of the view's elements, or nothing where some lie outside a storage of `storage_bytes`, or numbers overflow.
inline std::optional<std::uint64_t> checked_bytes(strided_view const& view, std::uint64_t storage_bytes) {
  std::optional<std::uint64_t> const bytes = stored_bytes(view.type, view.shape);
  if (!bytes || view.shape.size() != view.strides.size()) return std::nullopt;
  std::uint64_t const elements = storage_bytes / size_of(view.type);
  std::uint64_t last = view.offset;
  for (std::size_t axis = 0; axis < view.shape.size(); ++axis) {
    if (view.strides[axis] < 0) return std::nullopt;
    std::uint64_t reach = 0;
    std::uint64_t const steps = view.shape[axis] > 0 ? static_cast<std::uint64_t>(view.shape[axis] - 1) : 0;
    if (__builtin_mul_overflow(steps, static_cast<std::uint64_t>(view.strides[axis]), &reach) ||
        __builtin_add_overflow(last, reach, &last))
      return std::nullopt;
  }
  if (*bytes == 0) return view.offset <= elements ? bytes : std::nullopt;
  return last < elements ? bytes : std::nullopt;
}

inline bool is_row_major(strided_view const& view) {
  std::int64_t expected = 1;
  for (std::size_t axis = view.shape.size(); axis-- > 0;) {
    if (view.shape[axis] != 1 && view.strides[axis] != expected) return false;
    expected *= view.shape[axis];
  }
  return true;
}

/// The view's elements, row-major: of `storage` itself where they lie so, else copied. `view` passed checked_bytes.
inline std::span<std::byte const> row_major_bytes(strided_view const& view, std::span<std::byte const> storage,
                                                  std::uint64_t bytes, std::string const& name, tensor_copies& copies) {
  std::size_t const width = size_of(view.type);
  if (bytes == 0) return {};
  if (is_row_major(view))
    return storage.subspan(static_cast<std::size_t>(view.offset) * width, static_cast<std::size_t>(bytes));
  std::span<std::byte> const out = copies.allocate(bytes, name);
  std::size_t const rank = view.shape.size();
  std::vector<std::size_t> index(rank, 0);
  std::size_t const inner = static_cast<std::size_t>(view.shape[rank - 1]);
  std::size_t const inner_step = static_cast<std::size_t>(view.strides[rank - 1]) * width;
  for (std::size_t to = 0; to < out.size();) {
    std::size_t from = static_cast<std::size_t>(view.offset);
    for (std::size_t axis = 0; axis + 1 < rank; ++axis)
      from += index[axis] * static_cast<std::size_t>(view.strides[axis]);
    std::byte const* at = storage.data() + from * width;
    for (std::size_t i = 0; i < inner; ++i, at += inner_step, to += width) std::memcpy(out.data() + to, at, width);
    for (std::size_t axis = rank - 1; axis-- > 0;) {
      if (++index[axis] < static_cast<std::size_t>(view.shape[axis])) break;
      index[axis] = 0;
    }
  }
  return out;
}

}  // namespace scale::detail
