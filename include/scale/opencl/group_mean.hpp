// SPDX-License-Identifier: Apache-2.0
#pragma once
// Means of neighbouring rows on the device.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/group_mean.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source group_mean_program{"group_mean", {R"CL(
kernel void group_mean_forward(long columns, MATRIX(float const, x), long group, MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) {
    float sum = 0;
    for (long k = 0; k < group; ++k) sum += ROW(x, i * group + k)[j];
    ROW(y, i)[j] = sum / group;
  }
}

kernel void group_mean_backward(long columns, MATRIX(float const, dy), long group, MATRIX(float, dx)) {
  FOR_ELEMENTS(i, j, columns) ROW(dx, i)[j] = ROW(dy, i / group)[j] / group;
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                        group_mean_forward_args<T, context> const& a) {
  detail::launch(c, "group_mean_forward", detail::group_mean_program, "group_mean_forward",
                 detail::elements(a.y.extent(0), a.y.extent(1)), a.y.extent(1), detail::matrix(x), a.group,
                 detail::matrix(a.y));
}

template <opencl_float T>
void group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                         group_mean_backward_args<T, context> const& a) {
  detail::launch(c, "group_mean_backward", detail::group_mean_program, "group_mean_backward",
                 detail::elements(a.dx.extent(0), a.dx.extent(1)), a.dx.extent(1), detail::matrix(dy), a.group,
                 detail::matrix(a.dx));
}

}  // namespace scale::opencl
