// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix product on the CPU, by oneDNN.

#include <scale/cpu/detail/matmul.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/matmul.hpp>

namespace scale::cpu {

template <cpu_element T>
void matmul(context const& c, tensor_view<T const, 2, context> left, matmul_args<T, context> const& args) {
  auto const a = detail::matrix_of(left), b = detail::matrix_of(args.b);
  detail::multiply(c, "matmul", args.transpose_a == transpose::yes ? a.flipped() : a,
                   args.transpose_b == transpose::yes ? b.flipped() : b, detail::matrix_of(args.c),
                   {.bias = nullptr, .mode = args.mode, .relu = false});
}

}  // namespace scale::cpu
