// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rectified linear unit with ceiling 6 on the device.

#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/relu6.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source relu6_program{"relu6", {R"CL(
kernel void relu6_forward(long columns, MATRIX(float const, x), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) {
    float const v = ROW(x, i)[j];
    ROW(y, i)[j] = v < 0 ? 0.0f : v > 6 ? 6.0f : v;  // NaN stays
  }
}

kernel void relu6_backward(long columns, MATRIX(float const, x), MATRIX(float const, dy), MATRIX(float, dx)) {
  FOR_ELEMENTS(i, j, columns) {
    float const v = ROW(x, i)[j];
    ROW(dx, i)[j] = v > 0 && v < 6 ? ROW(dy, i)[j] : 0.0f;
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void relu6_forward(context const& c, tensor_view<T const, 2, context> x, relu6_forward_args<T, context> const& a) {
  detail::launch_elementwise(c, "relu6_forward", detail::relu6_program, "relu6_forward", x, a.y);
}

template <opencl_float T>
void relu6_backward(context const& c, tensor_view<T const, 2, context> x, relu6_backward_args<T, context> const& a) {
  detail::launch_elementwise(c, "relu6_backward", detail::relu6_program, "relu6_backward", x, a.dy, a.dx);
}

}  // namespace scale::opencl
