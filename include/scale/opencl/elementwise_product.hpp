// SPDX-License-Identifier: Apache-2.0
#pragma once
// Product of two matrices, element by element, on the device.

#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/elementwise_product.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source elementwise_product_program{"elementwise_product", {R"CL(
kernel void elementwise_product(long columns, MATRIX(float const, x), MATRIX(float const, by), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] = ROW(x, i)[j] * ROW(by, i)[j];
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void elementwise_product(context const& c, tensor_view<T const, 2, context> x,
                         elementwise_product_args<T, context> const& a) {
  detail::launch_elementwise(c, "elementwise_product", detail::elementwise_product_program, "elementwise_product", x,
                             a.by, a.y);
}

}  // namespace scale::opencl
