// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution with weights that stay, by oneDNN: they are brought to the layout that its implementation wants at the
// first call, and again only where other shapes want another. As convolution_forward otherwise.

#include <scale/cpu/detail/convolution_plan.hpp>
#include <scale/cpu/detail/flat_images.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/frozen_convolution.hpp>

#include <utility>

namespace scale::cpu {

template <cpu_element T, int Rank>
class frozen_convolution {
 public:
  frozen_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                     freeze_convolution_args<T, Rank, context> const& a)
      : fixed_(a), weight_extents_(weight.extents()) {
    detail::thread_scope const threads(c);
    detail::onednn_call<T>("freeze_convolution", [&] {
      detail::memory_desc const layout = detail::describe_weight(weight, a.groups);
      detail::reorder({layout, detail::onednn_engine(), detail::handle(weight)}, weights_.get(layout));
      if (!a.bias.has_data()) return;
      bias_desc_ = detail::describe_bias(a.bias);
      detail::reorder({bias_desc_, detail::onednn_engine(), detail::handle(a.bias)}, bias_.get(bias_desc_));
      fixed_.bias = {};  // the caller's; ours is bias_
    });
  }

  shape<Rank> const& weight_extents() const { return weight_extents_; }
  freeze_convolution_args<T, Rank, context> const& fixed() const { return fixed_; }

  void forward(context const& c, tensor_view<T const, Rank, context> x,
               frozen_convolution_forward_args<T, Rank, context> const& a) {
    if constexpr (Rank == 5)
      if (detail::reaches_over_time_alone(weight_extents_, fixed_) && detail::rows_are_joined(x) &&
          detail::rows_are_joined(a.y) && detail::rows_are_joined(a.residual))
        return run(c, detail::with_flat_images(x),
                   {.y = detail::with_flat_images(a.y), .residual = detail::with_flat_images(a.residual)});
    run(c, x, a);
  }

 private:
  enum class addend { none, in_y, apart };

  /// What a plan depends on.
  struct problem {
    shape<Rank> x, x_strides, y_strides, residual_strides;
    addend residual = addend::none;
    int threads = 0;

    bool operator==(problem const&) const = default;
  };

  void run(context const& c, tensor_view<T const, Rank, context> x,
           frozen_convolution_forward_args<T, Rank, context> const& a) {
    detail::thread_scope const threads(c);
    detail::onednn_call<T>("frozen_convolution_forward", [&] {
      problem const asked{x.extents(),
                          x.strides(),
                          a.y.strides(),
                          a.residual.strides(),
                          !a.residual.has_data()                          ? addend::none
                          : a.residual.data_handle() == a.y.data_handle() ? addend::in_y
                                                                          : addend::apart,
                          c.threads()};
      if (!(asked == planned_)) {
        planned_ = {};
        detail::memory_desc const layout = weights_.layout();
        plan_ =
            detail::convolution_plan(x, a.y, a.residual, layout, bias_desc_, detail::geometry_of(fixed_), fixed_.act);
        if (plan_.weights_layout() != layout) {
          detail::kept_memory other;
          detail::reorder(weights_.get(layout), other.get(plan_.weights_layout()));
          weights_ = std::move(other);
        }
        planned_ = asked;
      }
      plan_.run(
          {detail::memory_of(x), weights_.get(weights_.layout()), bias_desc_ ? bias_.get(bias_desc_) : dnnl::memory(),
           detail::memory_of(a.y), detail::memory_of(a.residual)},
          copies_);
    });
  }

  freeze_convolution_args<T, Rank, context> fixed_;
  shape<Rank> weight_extents_;
  detail::kept_memory weights_, bias_;
  detail::memory_desc bias_desc_;
  problem planned_{};
  detail::convolution_plan plan_;
  detail::convolution_copies copies_;
};

template <cpu_element T, int Rank>
frozen_convolution<T, Rank> freeze_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                                               freeze_convolution_args<T, Rank, context> const& a) {
  return {c, weight, a};
}

template <cpu_element T, int Rank>
void frozen_convolution_forward(context const& c, tensor_view<T const, Rank, context> x,
                                frozen_convolution<T, Rank>& frozen,
                                frozen_convolution_forward_args<T, Rank, context> const& a) {
  if (a.y.size() != 0) frozen.forward(c, x, a);
}

}  // namespace scale::cpu
