// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix product on the device.

#include <scale/opencl/detail/product.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/matmul.hpp>

namespace scale::opencl {

template <opencl_float T>
void matmul(context const& c, tensor_view<T const, 2, context> a, matmul_args<T, context> const& args) {
  using detail::factor;
  detail::multiply(c, "matmul", args.transpose_a == transpose::yes ? factor::columns_of(a) : factor::rows_of(a),
                   args.transpose_b == transpose::yes ? factor::rows_of(args.b) : factor::columns_of(args.b), args.c,
                   args.mode);
}

}  // namespace scale::opencl
