// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix product on the device, by cuBLASLt.

#include <scale/cuda/detail/product.hpp>
#include <scale/ops/matmul.hpp>

namespace scale::cuda {

template <device_float T>
void matmul(context const& c, tensor_view<T const, 2, context> a, matmul_args<T, context> const& args) {
  detail::multiply<T>(c, "matmul", detail::product_matrix::of(a, args.transpose_a == transpose::yes),
                      detail::product_matrix::of(args.b, args.transpose_b == transpose::yes), args.c, args.mode);
}

}  // namespace scale::cuda
