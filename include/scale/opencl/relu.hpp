// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rectified linear unit on the device.

#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/relu.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source relu_program{"relu", {R"CL(
kernel void relu_forward(long columns, MATRIX(float const, x), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) {
    float const v = ROW(x, i)[j];
    ROW(y, i)[j] = v < 0 ? 0.0f : v;  // NaN stays
  }
}

kernel void relu_backward(long columns, MATRIX(float const, x), MATRIX(float const, dy), MATRIX(float, dx)) {
  FOR_ELEMENTS(i, j, columns) {
    float const v = ROW(x, i)[j];
    ROW(dx, i)[j] = v > 0 ? ROW(dy, i)[j] : 0.0f;
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void relu_forward(context const& c, tensor_view<T const, 2, context> x, relu_forward_args<T, context> const& a) {
  detail::launch_elementwise(c, "relu_forward", detail::relu_program, "relu_forward", x, a.y);
}

template <opencl_float T>
void relu_backward(context const& c, tensor_view<T const, 2, context> x, relu_backward_args<T, context> const& a) {
  detail::launch_elementwise(c, "relu_backward", detail::relu_program, "relu_backward", x, a.dy, a.dx);
}

}  // namespace scale::opencl
