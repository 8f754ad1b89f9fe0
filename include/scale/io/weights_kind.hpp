// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which kind of file weights come in, by its first bytes.

#include <scale/io/file_error.hpp>
#include <scale/io/safetensors_header.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace scale {

enum class weights_kind { torch_zip, torch_legacy, safetensors, safetensors_index, npz, npy, pickle };

constexpr std::string_view name_of(weights_kind kind) noexcept {
  switch (kind) {
    case weights_kind::torch_zip: return "torch zip";
    case weights_kind::torch_legacy: return "torch legacy";
    case weights_kind::safetensors: return "safetensors";
    case weights_kind::safetensors_index: return "safetensors, sharded";
    case weights_kind::npz: return "npz";
    case weights_kind::npy: return "npy";
    case weights_kind::pickle: return "pickle";
  }
  return "unknown";
}

/// A guess from a file's first bytes, 16 at least where it has them: torch_zip stands for every zip archive, pickle for
/// PyTorch's older files too. Nothing where it can be none of these.
inline std::optional<weights_kind> guess_weights_kind(std::span<std::byte const> front) {
  std::string_view const text(reinterpret_cast<char const*>(front.data()), front.size());
  if (text.starts_with("\x93NUMPY")) return weights_kind::npy;
  // A header's length below 100 MB has zeros where the other kinds have none.
  if (text.size() > 8 && detail::load_unaligned<std::uint64_t>(front.data()) <= detail::safetensors_max_header &&
      (text[8] == '{' || text[0] != '\x80'))
    return weights_kind::safetensors;
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return weights_kind::torch_zip;
  if (text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5) return weights_kind::pickle;
  std::size_t const first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return weights_kind::safetensors_index;
  return std::nullopt;
}

namespace detail {

/// The guess, or input_error that says what the file is instead.
inline weights_kind expect_weights_kind(std::filesystem::path const& path, std::span<std::byte const> file) {
  std::span<std::byte const> const front = file.first(file.size() < 64 ? file.size() : 64);
  if (std::optional<weights_kind> const kind = guess_weights_kind(front)) return *kind;
  std::string_view const text(reinterpret_cast<char const*>(front.data()), front.size());
  if (text.empty()) refuse_file(path, "expected weights, found an empty file");
  if (text.starts_with("version https://git-lfs"))
    refuse_file(path, "a Git LFS pointer in place of the file; run 'git lfs pull' beside it");
  refuse_file(path,
              "expected weights (PyTorch, safetensors, npz, npy, a pickle of arrays), found a file that begins with '" +
                  printable(text.substr(0, 16)) + "'");
}

}  // namespace detail

}  // namespace scale
