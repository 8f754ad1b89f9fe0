// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of length 1 on the device: a group per row, scaled by its largest element so that squares stay in range.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/l2_normalize.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source l2_normalize_program{"l2_normalize", {group_reductions, R"CL(
kernel void l2_normalize_forward(long columns, MATRIX(float const, x), float eps, MATRIX(float, y),
                                 ARRAY(float, norms), local float* shared) {
  long const i = get_group_id(0);
  float largest = 0;
  FOR_ROW(j, columns) largest = fmax(largest, fabs(ROW(x, i)[j]));
  largest = group_max(largest, shared);
  float squares = 0;
  FOR_ROW(j, columns) {
    float const part = largest > 0 ? ROW(x, i)[j] / largest : ROW(x, i)[j];  // the latter keeps a NaN
    squares += part * part;
  }
  squares = group_sum(squares, shared);
  float const norm = largest > 0 ? largest * sqrt(squares) : squares;
  float const divisor = norm < eps ? eps : norm;
  FOR_ROW(j, columns) ROW(y, i)[j] = ROW(x, i)[j] / divisor;
  if (get_local_id(0) == 0) DATA(norms)[i] = norm;
}

kernel void l2_normalize_backward(long columns, MATRIX(float const, y), MATRIX(float const, dy),
                                  ARRAY(float const, norms), float eps, MATRIX(float, dx), local float* shared) {
  long const i = get_group_id(0);
  float const norm = DATA(norms)[i];
  float dot = 0;
  FOR_ROW(j, columns) dot += ROW(y, i)[j] * ROW(dy, i)[j];
  dot = group_sum(dot, shared);
  FOR_ROW(j, columns) {
    float const slope = ROW(dy, i)[j];
    ROW(dx, i)[j] = norm == 0 ? 0.0f : norm < eps ? slope / eps : (slope - ROW(y, i)[j] * dot) / norm;
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void l2_normalize_forward(context const& c, tensor_view<T const, 2, context> x,
                          l2_normalize_forward_args<T, context> const& a) {
  detail::launch(c, "l2_normalize_forward", detail::l2_normalize_program, "l2_normalize_forward",
                 detail::rows(x.extent(0)), x.extent(1), detail::matrix(x), static_cast<float>(a.eps),
                 detail::matrix(a.y), a.norm.data_handle(), detail::group_floats);
}

template <opencl_float T>
void l2_normalize_backward(context const& c, tensor_view<T const, 2, context> y,
                           l2_normalize_backward_args<T, context> const& a) {
  detail::launch(c, "l2_normalize_backward", detail::l2_normalize_program, "l2_normalize_backward",
                 detail::rows(y.extent(0)), y.extent(1), detail::matrix(y), detail::matrix(a.dy), a.norm.data_handle(),
                 static_cast<float>(a.eps), detail::matrix(a.dx), detail::group_floats);
}

}  // namespace scale::opencl
