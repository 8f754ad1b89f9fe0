// SPDX-License-Identifier: Apache-2.0
#pragma once
// One-sided InfoNCE on the device.

#include <scale/opencl/detail/contrast.hpp>
#include <scale/opencl/detail/total.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/info_nce.hpp>

#include <cstdint>

namespace scale::opencl {

template <opencl_float T>
void info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                      info_nce_forward_args<T, context> const& a) {
  constexpr auto op = "info_nce_forward";
  index_t const m = q.extent(0);
  tensor<T, 1, context> losses(c, shape{m});
  tensor<std::int32_t, 1, context> hits(c, shape{m});
  detail::contrast_forward(c, op, q, a.keys, a.temperature, a.target.data_handle(), a.lse.data_handle(),
                           losses.data_handle(), hits.data_handle());
  detail::launch_mean(c, op, losses.data_handle(), m, a.loss.data_handle());
  detail::launch_count(c, op, hits.data_handle(), m, a.correct.data_handle());
}

template <opencl_float T>
void info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                       info_nce_backward_args<T, context> const& a) {
  constexpr auto op = "info_nce_backward";
  index_t const m = q.extent(0);
  if (m == 0) return;
  double const scale = a.scale / (a.temperature * static_cast<double>(m));
  detail::contrast_side const queries{q, a.lse.data_handle(), a.target.data_handle()}, keys{a.keys};
  detail::contrast_gradient(c, op, queries, keys, a.temperature, scale, a.dq, write_mode::assign);
  detail::contrast_gradient(c, op, keys, queries, a.temperature, scale, a.dkeys, write_mode::accumulate);
}

}  // namespace scale::opencl
