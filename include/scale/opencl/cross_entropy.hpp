// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cross-entropy on the device: a group per row.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/total.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/cross_entropy.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source cross_entropy_program{"cross_entropy", {group_reductions, R"CL(
kernel void cross_entropy_forward(long classes, MATRIX(float const, logits), ARRAY(int const, labels),
                                  ARRAY(float, lse), ARRAY(float, losses), local float* shared) {
  long const i = get_group_id(0);
  float largest = -INFINITY, sum = 0;
  FOR_ROW(j, classes) largest = fmax(largest, ROW(logits, i)[j]);
  largest = group_max(largest, shared);
  FOR_ROW(j, classes) sum += exp(ROW(logits, i)[j] - largest);
  float const log_sum = log(group_sum(sum, shared));
  if (get_local_id(0) != 0) return;
  DATA(lse)[i] = largest + log_sum;
  DATA(losses)[i] = (largest - ROW(logits, i)[DATA(labels)[i]]) + log_sum;  // not from lse: both may be large
}

kernel void cross_entropy_backward(long classes, MATRIX(float const, logits), ARRAY(int const, labels),
                                   ARRAY(float const, lse), float factor, MATRIX(float, dlogits)) {
  FOR_ELEMENTS(i, j, classes) {
    float const probability = exp(ROW(logits, i)[j] - DATA(lse)[i]);
    ROW(dlogits, i)[j] = factor * (probability - (DATA(labels)[i] == j ? 1.0f : 0.0f));
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void cross_entropy_forward(context const& c, tensor_view<T const, 2, context> logits,
                           cross_entropy_forward_args<T, context> const& a) {
  constexpr auto op = "cross_entropy_forward";
  index_t const n = logits.extent(0);
  tensor<T, 1, context> losses(c, shape{n});
  detail::launch(c, op, detail::cross_entropy_program, op, detail::rows(n), logits.extent(1), detail::matrix(logits),
                 a.labels.data_handle(), a.lse.data_handle(), losses.data_handle(), detail::group_floats);
  detail::launch_mean(c, op, losses.data_handle(), n, a.loss.data_handle());
}

template <opencl_float T>
void cross_entropy_backward(context const& c, tensor_view<T const, 2, context> logits,
                            cross_entropy_backward_args<T, context> const& a) {
  constexpr auto op = "cross_entropy_backward";
  index_t const n = logits.extent(0), classes = logits.extent(1);
  detail::launch(c, op, detail::cross_entropy_program, op, detail::elements(n, classes), classes,
                 detail::matrix(logits), a.labels.data_handle(), a.lse.data_handle(),
                 static_cast<float>(a.scale / static_cast<double>(n)), detail::matrix(a.dlogits));
}

}  // namespace scale::opencl
