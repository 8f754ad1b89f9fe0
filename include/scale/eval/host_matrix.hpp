// SPDX-License-Identifier: Apache-2.0
#pragma once
// A dense matrix in host memory: what representations are kept in between an encoder and a classifier.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// [rows, columns], row-major, zero when made. An aggregate; `values.size()` is rows * columns.
template <class T>
struct host_matrix {
  index_t rows = 0;
  index_t columns = 0;
  std::vector<T> values;

  host_matrix() = default;
  host_matrix(index_t n, index_t c, location at = location::current()) : rows(n), columns(c) {
    values.resize(bytes_of(shape{n, c}, sizeof(T), at) / sizeof(T));
  }

  std::span<T> row(index_t i) { return std::span(values).subspan(std::size_t(i * columns), std::size_t(columns)); }
  std::span<T const> row(index_t i) const {
    return std::span(values).subspan(std::size_t(i * columns), std::size_t(columns));
  }
  T& operator()(index_t i, index_t j) { return values[std::size_t(i * columns + j)]; }
  T operator()(index_t i, index_t j) const { return values[std::size_t(i * columns + j)]; }
};

/// Rows `index` of x, in that order.
template <class T>
host_matrix<T> take_rows(host_matrix<T> const& x, std::span<index_t const> index, location at = location::current()) {
  host_matrix<T> out(static_cast<index_t>(index.size()), x.columns);
  for (index_t i = 0; i < out.rows; ++i) {
    index_t const from = index[std::size_t(i)];
    if (from < 0 || from >= x.rows)
      throw_expected("take_rows", "index", "within [0, " + std::to_string(x.rows) + ")", std::to_string(from), at);
    std::ranges::copy(x.row(from), out.row(i).begin());
  }
  return out;
}

/// Elements `index` of `values`, in that order.
template <class T>
std::vector<T> take_elements(std::span<T const> values, std::span<index_t const> index,
                             location at = location::current()) {
  std::vector<T> out;
  out.reserve(index.size());
  for (index_t const from : index) {
    if (from < 0 || from >= static_cast<index_t>(values.size()))
      throw_expected("take_elements", "index", "within [0, " + std::to_string(values.size()) + ")",
                     std::to_string(from), at);
    out.push_back(values[std::size_t(from)]);
  }
  return out;
}

/// The columns of each part beside each other. All parts have the same rows.
template <class T>
host_matrix<T> join_columns(std::span<host_matrix<T> const* const> parts, location at = location::current()) {
  index_t columns = 0;
  for (auto const* part : parts) {
    expect(part->rows == parts.front()->rows, "join_columns", "the parts differ in rows", at);
    columns += part->columns;
  }
  host_matrix<T> out(parts.empty() ? 0 : parts.front()->rows, columns);
  for (index_t i = 0; i < out.rows; ++i) {
    auto to = out.row(i).begin();
    for (auto const* part : parts) to = std::ranges::copy(part->row(i), to).out;
  }
  return out;
}

}  // namespace scale
