// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution on the CPU, by oneDNN. Channels-last views go to it as they are: the fast way. Weights, and views of
// other layouts, are copied once per call to the layout that the chosen implementation wants; frozen_convolution.hpp is
// for weights that stay.

#include <scale/cpu/detail/convolution_call.hpp>
#include <scale/cpu/detail/convolution_plan.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/convolution.hpp>

#include <unordered_map>

namespace scale::cpu {

template <cpu_element T, int Rank>
void convolution_forward(context const& c, tensor_view<T const, Rank, context> x,
                         convolution_forward_args<T, Rank, context> const& a) {
  if (a.y.size() == 0) return;
  constexpr auto op = "convolution_forward";
  detail::thread_scope const threads(c);
  detail::onednn_call<T>(op, [&] {
    detail::memory_desc const weights = detail::describe_weight(a.weight, a.groups);
    detail::memory_desc const bias = detail::describe_bias(a.bias);
    detail::convolution_plan const plan(x, a.y, a.residual, weights, bias, detail::geometry_of(a), a.act);
    dnnl::memory const given(weights, detail::onednn_engine(), detail::handle(a.weight));
    detail::convolution_copies copies;
    plan.run({detail::memory_of(x), detail::reordered(given, plan.weights_layout()), detail::memory_of(a.bias),
              detail::memory_of(a.y), detail::memory_of(a.residual)},
             copies);
  });
}

template <cpu_element T, int Rank>
void convolution_backward(context const& c, tensor_view<T const, Rank, context> x,
                          convolution_backward_args<T, Rank, context> const& a) {
  if (a.dy.size() == 0) {
    if (a.dx.has_data()) detail::set_zero(a.dx);
    return;
  }
  constexpr auto op = "convolution_backward";
  detail::thread_scope const threads(c);
  detail::onednn_call<T>(op, [&] {
    using dnnl::memory;
    auto const& engine = detail::onednn_engine();
    auto const direct = dnnl::algorithm::convolution_direct;
    detail::memory_desc const x_desc = detail::describe(x), dy_desc = detail::describe(a.dy);
    detail::memory_desc const given = detail::describe_weight(a.weight, a.groups);
    detail::memory_desc const gradient = detail::describe_weight(a.weight, a.groups, detail::onednn_type<acc_t<T>>);
    detail::memory_desc const bias_desc = detail::describe_bias(a.dbias), any = detail::any_layout(given);
    detail::convolution_geometry const geometry = detail::geometry_of(a);
    auto const hint = detail::convolution_forward_description(dnnl::prop_kind::forward_training, direct, x_desc, any,
                                                              {}, dy_desc, geometry, dnnl::primitive_attr());
    memory const dy(dy_desc, engine, detail::handle(a.dy));
    if (a.dx.has_data()) {
      detail::memory_desc const dx_desc = detail::describe(a.dx);
      auto const description = detail::convolution_backward_data_description(direct, dx_desc, any, dy_desc, geometry,
                                                                             hint, dnnl::primitive_attr());
      memory const weights =
          detail::reordered(memory(given, engine, detail::handle(a.weight)), description.weights_desc());
      dnnl::convolution_backward_data(description)
          .execute(detail::onednn_stream(), {{DNNL_ARG_DIFF_DST, dy},
                                             {DNNL_ARG_WEIGHTS, weights},
                                             {DNNL_ARG_DIFF_SRC, memory(dx_desc, engine, detail::handle(a.dx))}});
      detail::onednn_stream().wait();
    }
    if (a.dweight.has_data() || a.dbias.has_data()) {
      auto const description = detail::convolution_backward_weights_description(
          direct, x_desc, detail::any_layout(gradient), bias_desc, dy_desc, geometry, hint, dnnl::primitive_attr());
      memory const dweight(description.diff_weights_desc(), engine);
      std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(x_desc, engine, detail::handle(x))},
                                                {DNNL_ARG_DIFF_DST, dy},
                                                {DNNL_ARG_DIFF_WEIGHTS, dweight}};
      memory dbias;
      if (bias_desc) {
        dbias = memory(bias_desc, engine);
        arguments.emplace(DNNL_ARG_DIFF_BIAS, dbias);
      }
      dnnl::convolution_backward_weights(description).execute(detail::onednn_stream(), arguments);
      detail::onednn_stream().wait();
      if (a.dweight.has_data())
        detail::add_to(detail::reordered(dweight, gradient), a.dweight.data_handle(), a.dweight.size());
      if (bias_desc) detail::add_to(dbias, a.dbias.data_handle(), a.dbias.size());
    }
  });
}

}  // namespace scale::cpu
