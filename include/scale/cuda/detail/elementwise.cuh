// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element-wise work on matrices whose rows may lie apart: a thread per pack of neighbours.

#include <scale/cuda/detail/matrix.cuh>

namespace scale::cuda::detail {

struct elementwise_tuning {
  static constexpr int block = 256;
};

template <int Width, class F>
SCALE_KERNEL elementwise_kernel(F f, index_t rows, index_t packs) {
  index_t const i = static_cast<index_t>(blockIdx.x) * elementwise_tuning::block + static_cast<index_t>(threadIdx.x);
  if (i >= rows * packs) return;
  if (rows == 1)
    f.template apply<Width>(0, i * Width);
  else
    f.template apply<Width>(i / packs, i % packs * Width);
}

/// f.apply<Width>(row, column) for all elements, Width neighbours at once, a divisor of columns. f is trivially
/// copyable.
template <int Width, class F>
void launch_packs(context const& c, char const* op, index_t rows, index_t columns, F const& f) {
  if (rows == 0 || columns == 0) return;
  launch(c, op, elementwise_kernel<Width, F>, blocks(ceil_div(rows * (columns / Width), elementwise_tuning::block)),
         elementwise_tuning::block, 0, f, rows, columns / Width);
}

/// launch_packs of packed_width<T> where `matrices`, all that f loads and stores in packs, allow it, else of 1.
template <class T, class F, class... Matrices>
void launch_elementwise(context const& c, char const* op, index_t rows, index_t columns, F const& f,
                        Matrices const&... matrices) {
  if (packs_fit<T>(columns, matrices...))
    launch_packs<packed_width<T>>(c, op, rows, columns, f);
  else
    launch_packs<1>(c, op, rows, columns, f);
}

/// Rows and columns of a matrix; where all rows of all matrices follow each other, a single row.
struct extent_pair {
  index_t rows, columns;
};

template <class View, class... Views>
extent_pair joined_rows(View const& first, Views const&... others) {
  if (first.is_contiguous() && (others.is_contiguous() && ...)) return {first.size() == 0 ? 0 : 1, first.size()};
  return {first.extent(0), first.extent(1)};
}

template <class T, class F>
struct unary_map {
  matrix<T const> x;
  matrix<T> y;
  F f;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(x.row(i) + j);
    for (int k = 0; k < Width; ++k) v[k] = f(v[k]);
    store<Width>(y.row(i) + j, v);
  }
};

template <class T, class F>
struct binary_map {
  matrix<T const> x, z;
  matrix<T> y;
  F f;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(x.row(i) + j);
    lanes<Width> const w = load<Width>(z.row(i) + j);
    for (int k = 0; k < Width; ++k) v[k] = f(v[k], w[k]);
    store<Width>(y.row(i) + j, v);
  }
};

/// y = f(x), for a functor f of floats.
template <class T, class F>
void map_matrix(context const& c, char const* op, F const& f, tensor_view<T const, 2, context> x,
                tensor_view<T, 2, context> y) {
  extent_pair const e = joined_rows(x, y);
  unary_map<T, F> const map{x, y, f};
  launch_elementwise<T>(c, op, e.rows, e.columns, map, map.x, map.y);
}

/// y = f(x, z).
template <class T, class F>
void map_matrix(context const& c, char const* op, F const& f, tensor_view<T const, 2, context> x,
                tensor_view<T const, 2, context> z, tensor_view<T, 2, context> y) {
  extent_pair const e = joined_rows(x, z, y);
  binary_map<T, F> const map{x, z, y, f};
  launch_elementwise<T>(c, op, e.rows, e.columns, map, map.x, map.z, map.y);
}

}  // namespace scale::cuda::detail
