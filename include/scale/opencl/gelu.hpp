// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gaussian error linear unit on the device.

#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/detail/gelu_source.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/gelu.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source gelu_program{"gelu", {gelu_source, R"CL(
kernel void gelu_forward(long columns, MATRIX(float const, x), MATRIX(float, y)) {
  FOR_QUADS(i, j, columns) {
    float4 const v = load_quad(ROW(x, i) + j, columns - j);
    store_quad(ROW(y, i) + j, gelu(v, normal(v)), columns - j);
  }
}

kernel void gelu_backward(long columns, MATRIX(float const, x), MATRIX(float const, dy), MATRIX(float, dx)) {
  FOR_QUADS(i, j, columns) {
    float4 const slope = gelu_slope(normal(load_quad(ROW(x, i) + j, columns - j)));
    store_quad(ROW(dx, i) + j, load_quad(ROW(dy, i) + j, columns - j) * slope, columns - j);
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void gelu_forward(context const& c, tensor_view<T const, 2, context> x, gelu_forward_args<T, context> const& a) {
  detail::launch_elementwise(c, "gelu_forward", detail::gelu_program, "gelu_forward", x, a.y);
}

template <opencl_float T>
void gelu_backward(context const& c, tensor_view<T const, 2, context> x, gelu_backward_args<T, context> const& a) {
  detail::launch_elementwise(c, "gelu_backward", detail::gelu_program, "gelu_backward", x, a.dy, a.dx);
}

}  // namespace scale::opencl
