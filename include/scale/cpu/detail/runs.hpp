// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walks matrices whose rows may lie apart, run by run, on all threads and with the machine's instruction set.

#include <scale/core/tensor_view.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>

namespace scale::cpu::detail {

/// f(length, pointers...) for runs that cover all elements of matrices of one shape [n, c], a pointer per view: whole
/// rows, or longer runs where all views are contiguous. Element-wise work only: where runs begin and end depends on the
/// number of threads. f is compiled for the machine's instruction set. Views may be the same; they do not overlap else.
template <class F, class T, class... Ts>
void for_each_run(context const& c, F const& f, tensor_view<T, 2, context> const& first,
                  tensor_view<Ts, 2, context> const&... others) {
  constexpr index_t bytes = static_cast<index_t>(sizeof(T) + (sizeof(Ts) + ... + 0));
  index_t const columns = first.extent(1);
  if (first.is_contiguous() && (others.is_contiguous() && ...)) {
    parallel_for(c, first.size(), grain_for(bytes), [&](index_t begin, index_t end) {
      simd_dispatch([&] { f(end - begin, first.data_handle() + begin, (others.data_handle() + begin)...); });
    });
    return;
  }
  parallel_for(c, first.extent(0), grain_for(bytes * columns), [&](index_t begin, index_t end) {
    simd_dispatch([&] {
      for (index_t i = begin; i < end; ++i)
        f(columns, first.data_handle() + i * first.stride(0), (others.data_handle() + i * others.stride(0))...);
    });
  });
}

/// f(row, pointers...) for every row of matrices of one number of rows, a pointer per view; rows are independent.
template <class F, class T, class... Ts>
void for_each_row(context const& c, F const& f, tensor_view<T, 2, context> const& first,
                  tensor_view<Ts, 2, context> const&... others) {
  constexpr index_t bytes = static_cast<index_t>(sizeof(T) + (sizeof(Ts) + ... + 0));
  parallel_for(c, first.extent(0), grain_for(bytes * first.extent(1)), [&](index_t begin, index_t end) {
    simd_dispatch([&] {
      for (index_t i = begin; i < end; ++i)
        f(i, first.data_handle() + i * first.stride(0), (others.data_handle() + i * others.stride(0))...);
    });
  });
}

}  // namespace scale::cpu::detail
