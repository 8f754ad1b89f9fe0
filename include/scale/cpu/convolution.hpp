// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution on the CPU, by oneDNN. Channels-last views go to it as they are: the fast way. Weights, and views of
// other layouts, are copied once per call to the layout that the chosen implementation wants.

#include <scale/cpu/detail/convolution_call.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/convolution.hpp>

#include <unordered_map>

namespace scale::cpu {

template <cpu_float T, int Rank>
void convolution_forward(context const& c, tensor_view<T const, Rank, context> x,
                         convolution_forward_args<T, Rank, context> const& a) {
  if (a.y.size() == 0) return;
  constexpr auto op = "convolution_forward";
  detail::thread_scope const threads(c);
  detail::onednn_call(op, [&] {
    using dnnl::memory;
    auto const& engine = detail::onednn_engine();
    detail::memory_desc const x_desc = detail::describe(x), y_desc = detail::describe(a.y);
    detail::memory_desc const weight_desc = detail::describe_weight(a.weight, a.groups);
    detail::memory_desc const bias_desc = detail::describe_bias(a.bias);
    memory const given_x(x_desc, engine, detail::handle(x)), given_y(y_desc, engine, detail::handle(a.y));

    bool const y_as_it_is = detail::channels_together(a.y);
    bool const residual_in_y = a.residual.has_data() && a.residual.data_handle() == a.y.data_handle();
    // Read beside y where both lie alike; otherwise put where y goes first, and summed up there
    bool const residual_beside =
        a.residual.has_data() && !residual_in_y && y_as_it_is && detail::describe(a.residual) == y_desc;
    dnnl::post_ops after;
    if (residual_beside)
      after.append_binary(dnnl::algorithm::binary_add, y_desc);
    else if (a.residual.has_data())
      after.append_sum(1.0f);
    if (a.act == activation::relu) detail::append_eltwise(after, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    if (a.act == activation::relu6) detail::append_eltwise(after, dnnl::algorithm::eltwise_clip, 0.0f, 6.0f);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);

    auto const description = detail::convolution_forward_description(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        detail::channels_together(x) ? x_desc : detail::channels_last(x.extents()), detail::any_layout(weight_desc),
        bias_desc, y_as_it_is ? y_desc : detail::channels_last(a.y.extents()), detail::geometry_of(a), attributes);
    memory const weights =
        detail::reordered(memory(weight_desc, engine, detail::handle(a.weight)), description.weights_desc());
    memory const y = description.dst_desc() == y_desc ? given_y : memory(description.dst_desc(), engine);
    memory const residual =
        a.residual.has_data() ? memory(detail::describe(a.residual), engine, detail::handle(a.residual)) : memory();
    if (a.residual.has_data() && !residual_beside && !(residual_in_y && y_as_it_is)) detail::reorder(residual, y);
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, detail::reordered(given_x, description.src_desc())},
                                              {DNNL_ARG_WEIGHTS, weights},
                                              {DNNL_ARG_DST, y}};
    if (a.bias.has_data()) arguments.emplace(DNNL_ARG_BIAS, memory(bias_desc, engine, detail::handle(a.bias)));
    if (residual_beside) arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, residual);
    dnnl::convolution_forward(description).execute(detail::onednn_stream(), arguments);
    detail::onednn_stream().wait();
    if (description.dst_desc() != y_desc) detail::reorder(y, given_y);
  });
}

template <cpu_float T, int Rank>
void convolution_backward(context const& c, tensor_view<T const, Rank, context> x,
                          convolution_backward_args<T, Rank, context> const& a) {
  if (a.dy.size() == 0) {
    if (a.dx.has_data()) detail::set_zero(a.dx);
    return;
  }
  constexpr auto op = "convolution_backward";
  detail::thread_scope const threads(c);
  detail::onednn_call(op, [&] {
    using dnnl::memory;
    auto const& engine = detail::onednn_engine();
    auto const direct = dnnl::algorithm::convolution_direct;
    detail::memory_desc const x_desc = detail::describe(x), dy_desc = detail::describe(a.dy);
    detail::memory_desc const given = detail::describe_weight(a.weight, a.groups);
    detail::memory_desc const bias_desc = detail::describe_bias(a.dbias), any = detail::any_layout(given);
    detail::convolution_geometry const geometry = detail::geometry_of(a);
    auto const hint = detail::convolution_forward_description(dnnl::prop_kind::forward_training, direct, x_desc, any,
                                                              bias_desc, dy_desc, geometry, dnnl::primitive_attr());
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
      auto const description = detail::convolution_backward_weights_description(direct, x_desc, any, bias_desc, dy_desc,
                                                                                geometry, hint, dnnl::primitive_attr());
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
        detail::add_to(detail::reordered(dweight, given), a.dweight.data_handle(), a.dweight.size());
      if (bias_desc) detail::add_to(dbias, a.dbias.data_handle(), a.dbias.size());
    }
  });
}

}  // namespace scale::cpu
