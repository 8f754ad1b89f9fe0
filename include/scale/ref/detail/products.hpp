// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sums of products: the loops that fully connected layers, matrix products, convolution and attention have in common.
//
// Every sum has the bits of the plainest loop, `for (l = 0; l < k; ++l) sum += a(l) * b(l, j)`: one accumulator in
// stat_t<T>, its terms added one by one, l ascending. Only which sums are worked on side by side is chosen for speed:
// a block of neighbouring columns j, which the compiler turns into vector instructions without any flag or pragma.

#include <scale/core/dtype.hpp>
#include <scale/core/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale::ref::detail {

/// A borrowed matrix with a step, in elements, along each axis: any of the two may run through a row.
template <class T>
struct stepped_matrix {
  T const* data;
  index_t row_step, column_step;

  T const* at(index_t row, index_t column) const { return data + row * row_step + column * column_step; }
};

/// A row of factors, and the row of sums that its products are added to. The two do not overlap.
template <class T, class Stat>
struct product_row {
  T const* factors;
  Stat* sums;
};

/// into[j] += a[l * step] * block[l * Columns + j] for `width` <= Columns columns j, and `depth` terms l in order: four
/// of them per pass over the sums, added from left to right.
template <index_t Columns, class T, class Stat>
void add_block(T const* a, index_t step, Stat const* block, index_t depth, index_t width, Stat* into) {
  Stat sums[static_cast<std::size_t>(Columns)] = {};
  std::copy_n(into, width, sums);
  index_t l = 0;
  for (; l + 4 <= depth; l += 4) {
    T const* const f = a + l * step;
    Stat const f0 = Stat(f[0]), f1 = Stat(f[step]), f2 = Stat(f[2 * step]), f3 = Stat(f[3 * step]);
    Stat const *const b0 = block + l * Columns, *const b1 = b0 + Columns, *const b2 = b1 + Columns,
                      *const b3 = b2 + Columns;
    for (index_t j = 0; j < Columns; ++j) sums[j] = sums[j] + f0 * b0[j] + f1 * b1[j] + f2 * b2[j] + f3 * b3[j];
  }
  for (; l < depth; ++l)
    for (index_t j = 0; j < Columns; ++j) sums[j] = sums[j] + Stat(a[l * step]) * block[l * Columns + j];
  std::copy_n(sums, width, into);
}

template <index_t Columns, class T, class Stat, class U>
void add_products_by(std::vector<product_row<T, Stat>> const& rows, index_t step, stepped_matrix<U> const& b, index_t k,
                     index_t n) {
  constexpr index_t most = 32;  // terms of a block: with 64 columns of doubles it takes 16 KiB
  Stat block[static_cast<std::size_t>(most * Columns)];
  for (index_t first = 0; first < n; first += Columns) {
    index_t const width = (std::min)(Columns, n - first);
    for (index_t begin = 0; begin < k; begin += most) {
      index_t const depth = (std::min)(most, k - begin);
      std::fill_n(block, depth * Columns, Stat(0));
      for (index_t j = 0; j < width; ++j)
        for (index_t l = 0; l < depth; ++l) block[l * Columns + j] = Stat(*b.at(begin + l, first + j));
      for (product_row<T, Stat> const& row : rows)
        add_block<Columns>(row.factors + begin * step, step, block, depth, width, row.sums + first);
    }
  }
}

/// For each row: sums[j] += factors[l * step] * b(l, j), l = 0 .. k - 1 in this order, for all columns j of b [k, n].
/// b is copied once per call, block by block: many rows per call are what makes it cheap. O(rows k n).
template <class T, class Stat, class U>
void add_products(std::vector<product_row<T, Stat>> const& rows, index_t step, stepped_matrix<U> const& b, index_t k,
                  index_t n) {
  if (rows.empty()) return;
  if (n <= 8)
    add_products_by<8>(rows, step, b, k, n);
  else
    add_products_by<64>(rows, step, b, k, n);
}

/// How many rows of sums are worked on at once: memory of an operator is this many rows, however many it is given.
inline constexpr index_t rows_at_once = 256;

/// put(i, j, sum) for every element of a [m, k] times b [k, n], row by row; a sum starts from start(j).
template <class T, class U, class Start, class Put>
void multiply(index_t m, index_t k, index_t n, stepped_matrix<T> const& a, stepped_matrix<U> const& b,
              Start const& start, Put const& put) {
  using stat = stat_t<T>;
  std::vector<product_row<T, stat>> rows;
  std::vector<stat> sums(static_cast<std::size_t>((std::min)(m, rows_at_once) * n));
  for (index_t first = 0; first < m; first += rows_at_once) {
    index_t const count = (std::min)(rows_at_once, m - first);
    rows.clear();
    for (index_t i = 0; i < count; ++i) {
      rows.push_back({a.at(first + i, 0), sums.data() + i * n});
      for (index_t j = 0; j < n; ++j) rows.back().sums[j] = start(j);
    }
    add_products(rows, a.column_step, b, k, n);
    for (index_t i = 0; i < count; ++i)
      for (index_t j = 0; j < n; ++j) put(first + i, j, rows[static_cast<std::size_t>(i)].sums[j]);
  }
}

}  // namespace scale::ref::detail
