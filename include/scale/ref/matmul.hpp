// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference matrix product, sums in stat_t<T> from 0 on, k ascending; accumulate adds a whole sum.

#include <scale/ops/matmul.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/detail/products.hpp>

namespace scale::ref {

template <floating T>
void matmul(context const&, tensor_view<T const, 2, context> left, matmul_args<T, context> const& args) {
  using stat = stat_t<T>;
  bool const left_flipped = args.transpose_a == transpose::yes, right_flipped = args.transpose_b == transpose::yes;
  index_t const k = left.extent(left_flipped ? 0 : 1);
  auto const stepped = [](tensor_view<T const, 2, context> x, bool flipped) {
    return detail::stepped_matrix<T>{x.data_handle(), flipped ? 1 : x.stride(0), flipped ? x.stride(0) : 1};
  };
  auto const zero = [](index_t) { return stat(0); };
  detail::multiply(args.c.extent(0), k, args.c.extent(1), stepped(left, left_flipped), stepped(args.b, right_flipped),
                   zero, [&](index_t i, index_t j, stat sum) {
                     args.c(i, j) = args.mode == write_mode::accumulate ? T(stat(args.c(i, j)) + sum) : T(sum);
                   });
}

}  // namespace scale::ref
