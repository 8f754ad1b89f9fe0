// SPDX-License-Identifier: Apache-2.0
#pragma once
// InfoNCE between paired rows on the device: the one-sided loss from both sides.

#include <scale/opencl/detail/contrast.hpp>
#include <scale/opencl/detail/total.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/symmetric_info_nce.hpp>

#include <cstdint>

namespace scale::opencl {

template <opencl_float T>
void symmetric_info_nce_forward(context const& c, tensor_view<T const, 2, context> x,
                                symmetric_info_nce_forward_args<T, context> const& a) {
  constexpr auto op = "symmetric_info_nce_forward";
  index_t const n = x.extent(0);
  tensor<T, 1, context> losses(c, shape{2 * n});
  tensor<std::int32_t, 1, context> hits(c, shape{2 * n});
  T* const loss = losses.data_handle();
  std::int32_t* const hit = hits.data_handle();
  detail::contrast_forward(c, op, x, a.other, a.temperature, nullptr, a.lse_rows.data_handle(), loss, hit);
  detail::contrast_forward(c, op, a.other, x, a.temperature, nullptr, a.lse_columns.data_handle(), loss + n, hit + n);
  detail::launch_count(c, op, hit, n, a.correct.data_handle());
  detail::launch_count(c, op, hit + n, n, a.correct.data_handle() + 1);
  detail::launch_mean(c, op, loss, 2 * n, a.loss.data_handle());
}

template <opencl_float T>
void symmetric_info_nce_backward(context const& c, tensor_view<T const, 2, context> x,
                                 symmetric_info_nce_backward_args<T, context> const& a) {
  constexpr auto op = "symmetric_info_nce_backward";
  index_t const n = x.extent(0);
  if (n == 0) return;
  double const scale = a.scale / (2 * a.temperature * static_cast<double>(n));
  detail::contrast_side const rows{x, a.lse_rows.data_handle()};
  detail::contrast_side const columns{a.other, a.lse_columns.data_handle()};
  detail::contrast_gradient(c, op, rows, columns, a.temperature, scale, a.da, write_mode::assign);
  detail::contrast_gradient(c, op, columns, rows, a.temperature, scale, a.dother, write_mode::assign);
}

}  // namespace scale::opencl
