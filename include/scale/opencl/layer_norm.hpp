// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layer normalisation on the device: a group per row.

#include <scale/opencl/detail/column_sums.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/layer_norm.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source layer_norm_program{"layer_norm", {group_reductions, column_parts_source, R"CL(
kernel void layer_norm_forward(long columns, MATRIX(float const, x), ARRAY(float const, gamma),
                               ARRAY(float const, beta), float eps, MATRIX(float, y), ARRAY(float, means),
                               ARRAY(float, rstds), local float* shared) {
  long const i = get_group_id(0);
  float sum = 0;
  FOR_ROW(j, columns) sum += ROW(x, i)[j];
  float const mean = group_sum(sum, shared) / columns;
  float squares = 0;
  FOR_ROW(j, columns) squares += (ROW(x, i)[j] - mean) * (ROW(x, i)[j] - mean);
  float const rstd = 1 / sqrt(group_sum(squares, shared) / columns + eps);
  FOR_ROW(j, columns) ROW(y, i)[j] = (ROW(x, i)[j] - mean) * rstd * DATA(gamma)[j] + DATA(beta)[j];
  if (get_local_id(0) == 0) {
    DATA(means)[i] = mean;
    DATA(rstds)[i] = rstd;
  }
}

kernel void layer_norm_backward(long columns, MATRIX(float const, x), MATRIX(float const, dy),
                                ARRAY(float const, gamma), ARRAY(float const, means), ARRAY(float const, rstds),
                                MATRIX(float, dx), int accumulate, local float* shared) {
  long const i = get_group_id(0);
  float const mean = DATA(means)[i], rstd = DATA(rstds)[i];
  float sum = 0, dot = 0;  // over the row of g and g * xhat, g = dy * gamma
  FOR_ROW(j, columns) {
    float const g = ROW(dy, i)[j] * DATA(gamma)[j];
    sum += g;
    dot += g * ((ROW(x, i)[j] - mean) * rstd);
  }
  sum = group_sum(sum, shared) / columns;
  dot = group_sum(dot, shared) / columns;
  FOR_ROW(j, columns) {
    float const g = ROW(dy, i)[j] * DATA(gamma)[j];
    float const slope = rstd * (g - sum - (ROW(x, i)[j] - mean) * rstd * dot);
    ROW(dx, i)[j] = accumulate ? ROW(dx, i)[j] + slope : slope;
  }
}

// Over the rows of each part: of dy * xhat and of dy.
kernel void layer_norm_parameter_parts(PARTS_OF_ROWS, MATRIX(float const, x), MATRIX(float const, dy),
                                       ARRAY(float const, means), ARRAY(float const, rstds), MATRIX(float, gamma_parts),
                                       MATRIX(float, beta_parts)) {
  COLUMN_AND_PART(j, part);
  float by_gamma = 0, by_beta = 0;
  FOR_PART_ROWS(i) {
    float const slope = ROW(dy, i)[j];
    by_gamma += slope * ((ROW(x, i)[j] - DATA(means)[i]) * DATA(rstds)[i]);
    by_beta += slope;
  }
  ROW(gamma_parts, part)[j] = by_gamma;
  ROW(beta_parts, part)[j] = by_beta;
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void layer_norm_forward(context const& c, tensor_view<T const, 2, context> x,
                        layer_norm_forward_args<T, context> const& a) {
  detail::launch(c, "layer_norm_forward", detail::layer_norm_program, "layer_norm_forward", detail::rows(x.extent(0)),
                 x.extent(1), detail::matrix(x), a.gamma.data_handle(), a.beta.data_handle(), static_cast<float>(a.eps),
                 detail::matrix(a.y), a.mean.data_handle(), a.rstd.data_handle(), detail::group_floats);
}

template <opencl_float T>
void layer_norm_backward(context const& c, tensor_view<T const, 2, context> x,
                         layer_norm_backward_args<T, context> const& a) {
  constexpr auto op = "layer_norm_backward";
  index_t const n = x.extent(0), width = x.extent(1);
  if (x.size() == 0) return;
  // before dx is written, which may be where dy is
  detail::row_parts const parts(n);
  tensor<T, 2, context> gamma_parts(c, shape{parts.count, width}), beta_parts(c, shape{parts.count, width});
  detail::launch(c, op, detail::layer_norm_program, "layer_norm_parameter_parts", detail::column_parts(parts, width), n,
                 width, parts.rows_per_part, detail::matrix(x), detail::matrix(a.dy), a.mean.data_handle(),
                 a.rstd.data_handle(), detail::matrix(gamma_parts.view()), detail::matrix(beta_parts.view()));
  detail::add_parts(c, op, gamma_parts, a.dgamma.data_handle());
  detail::add_parts(c, op, beta_parts, a.dbeta.data_handle());
  detail::launch(c, op, detail::layer_norm_program, "layer_norm_backward", detail::rows(n), width, detail::matrix(x),
                 detail::matrix(a.dy), a.gamma.data_handle(), a.mean.data_handle(), a.rstd.data_handle(),
                 detail::matrix(a.dx), a.dx_mode == write_mode::accumulate ? 1 : 0, detail::group_floats);
}

}  // namespace scale::opencl
