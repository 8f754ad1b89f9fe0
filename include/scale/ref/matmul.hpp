// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference matrix product, sums in stat_t<T>.

#include <scale/ops/matmul.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void matmul(context const&, tensor_view<T const, 2, context> left, matmul_args<T, context> const& args) {
  using stat = stat_t<T>;
  bool const left_flipped = args.transpose_a == transpose::yes, right_flipped = args.transpose_b == transpose::yes;
  index_t const k = left.extent(left_flipped ? 0 : 1);
  for (index_t i = 0; i < args.c.extent(0); ++i)
    for (index_t j = 0; j < args.c.extent(1); ++j) {
      stat sum = 0;
      for (index_t l = 0; l < k; ++l)
        sum += stat(left_flipped ? left(l, i) : left(i, l)) * stat(right_flipped ? args.b(j, l) : args.b(l, j));
      args.c(i, j) = args.mode == write_mode::accumulate ? T(stat(args.c(i, j)) + sum) : T(sum);
    }
}

}  // namespace scale::ref
