// SPDX-License-Identifier: Apache-2.0
#pragma once
// How oneDNN computes one forward convolution: chosen from shapes and layouts alone, run on data afterwards.

#include <scale/cpu/context.hpp>
#include <scale/cpu/detail/convolution_call.hpp>
#include <scale/cpu/detail/onednn_compat.hpp>
#include <scale/ops/activation.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace scale::cpu::detail {

/// Memory of oneDNN in a buffer of ours, which asks for huge pages; made anew only where another layout is wanted.
class kept_memory {
 public:
  dnnl::memory const& get(memory_desc const& wanted) {
    if (!memory_ || memory_.get_desc() != wanted) {
      host_buffer buffer(wanted.get_size());
      memory_ = dnnl::memory(wanted, onednn_engine(), buffer.data());
      buffer_ = std::move(buffer);
    }
    return memory_;
  }

  memory_desc layout() const { return memory_.get_desc(); }

 private:
  host_buffer buffer_;
  dnnl::memory memory_;
};

/// Data of one call; `residual` is empty where there is none.
struct convolution_data {
  dnnl::memory x, weights, bias, y, residual;
};

/// x and y in the layouts that the plan computes with, where the given ones are others.
struct convolution_copies {
  kept_memory x, y;
};

class convolution_plan {
 public:
  convolution_plan() = default;

  /// `weights` and `bias` (empty where there is none) describe what is convolved with, in any layout.
  template <class T, int Rank>
  convolution_plan(tensor_view<T const, Rank, context> const& x, tensor_view<T, Rank, context> const& y,
                   tensor_view<T const, Rank, context> const& residual, memory_desc const& weights,
                   memory_desc const& bias, convolution_geometry const& geometry, activation act) {
    memory_desc const y_desc = describe(y);
    bool const y_as_it_is = channels_together(y);
    bool const in_y = residual.has_data() && residual.data_handle() == y.data_handle();
    // Read beside y where both lie alike; otherwise put where y goes first, and summed up there. Wider kernels always
    // take the second way: oneDNN 2.6 adds the wrong numbers where one reaches over all of a narrow image.
    memory_dims const w = dims_of(weights);
    bool const pointwise = std::all_of(w.end() - (Rank - 2), w.end(), [](auto extent) { return extent == 1; });
    beside_ = residual.has_data() && !in_y && y_as_it_is && pointwise && describe(residual) == y_desc;
    copied_ = residual.has_data() && !beside_ && !(in_y && y_as_it_is);
    dnnl::post_ops after;
    if (beside_)
      after.append_binary(dnnl::algorithm::binary_add, y_desc);
    else if (residual.has_data())
      after.append_sum(1.0f);
    if (act == activation::relu) append_eltwise(after, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    if (act == activation::relu6) append_eltwise(after, dnnl::algorithm::eltwise_clip, 0.0f, 6.0f);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    description_ = convolution_forward_description(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        channels_together(x) ? describe(x) : channels_last<T>(x.extents()), any_layout(weights), bias,
        y_as_it_is ? y_desc : channels_last<T>(y.extents()), geometry, attributes);
    primitive_ = dnnl::convolution_forward(description_);
  }

  /// The layout that `run` wants the weights in.
  memory_desc weights_layout() const { return description_.weights_desc(); }

  void run(convolution_data const& data, convolution_copies& copies) const {
    bool const x_as_it_is = data.x.get_desc() == description_.src_desc();
    bool const y_as_it_is = data.y.get_desc() == description_.dst_desc();
    dnnl::memory const x = x_as_it_is ? data.x : copies.x.get(description_.src_desc());
    dnnl::memory const y = y_as_it_is ? data.y : copies.y.get(description_.dst_desc());
    if (!x_as_it_is) reorder(data.x, x);
    if (copied_) reorder(data.residual, y);
    std::unordered_map<int, dnnl::memory> arguments{
        {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, data.weights}, {DNNL_ARG_DST, y}};
    if (data.bias) arguments.emplace(DNNL_ARG_BIAS, data.bias);
    if (beside_) arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, data.residual);
    primitive_.execute(onednn_stream(), arguments);
    onednn_stream().wait();
    if (!y_as_it_is) reorder(y, data.y);
  }

 private:
  dnnl::convolution_forward::primitive_desc description_;
  dnnl::convolution_forward primitive_;
  bool beside_ = false, copied_ = false;
};

/// A view's elements for oneDNN; empty for a view without data.
template <class T, int Rank>
dnnl::memory memory_of(tensor_view<T, Rank, context> const& v) {
  return v.has_data() ? dnnl::memory(describe(v), onednn_engine(), handle(v)) : dnnl::memory();
}

template <class T>
dnnl::memory memory_of(tensor_view<T, 1, context> const& bias) {
  return bias.has_data() ? dnnl::memory(describe_bias(bias), onednn_engine(), handle(bias)) : dnnl::memory();
}

}  // namespace scale::cpu::detail
