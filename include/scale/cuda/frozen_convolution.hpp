// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution with weights that stay, on the device: as convolution_forward, but the weights are brought into the order
// of the columns once.

#include <scale/cuda/copy.hpp>
#include <scale/cuda/detail/convolution.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/frozen_convolution.hpp>

namespace scale::cuda {

template <device_float T, int Rank>
class frozen_convolution {
 public:
  frozen_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                     freeze_convolution_args<T, Rank, context> const& a)
      : fixed_(a), weight_extents_(weight.extents()), bias_(c, a.bias.extents()) {
    if (a.bias.has_data()) {
      copy_all<1>(c, a.bias, bias_);
      fixed_.bias = bias_;
    }
    if (a.groups > 1) {
      grouped_ = tensor<T, Rank, context>(c, weight_extents_);
      copy_all<Rank>(c, weight, grouped_);
    } else {
      by_taps_ = tensor<T, 2, context>(
          c, shape{weight.extent(0), detail::column_count(detail::axes_of(weight_extents_, a), weight.extent(1))});
      detail::launch_convolution_weights<T>(c, "freeze_convolution", detail::as_volume(weight), by_taps_);
    }
  }

  shape<Rank> const& weight_extents() const { return weight_extents_; }
  freeze_convolution_args<T, Rank, context> const& fixed() const { return fixed_; }

  void forward(context const& c, tensor_view<T const, Rank, context> x,
               frozen_convolution_forward_args<T, Rank, context> const& a) const {
    constexpr auto op = "frozen_convolution_forward";
    using detail::as_volume;
    detail::convolution_axes const axes = detail::axes_of(weight_extents_, fixed_);
    if (fixed_.groups > 1)
      detail::launch_grouped_convolution<T>(
          c, op, as_volume(x), as_volume(tensor_view<T const, Rank, context>(grouped_)), axes, fixed_.groups,
          fixed_.bias, as_volume(a.residual), fixed_.act, as_volume(a.y));
    else
      detail::convolve<T>(c, op, as_volume(x), by_taps_, axes, fixed_.bias, as_volume(a.residual), fixed_.act,
                          as_volume(a.y));
  }

 private:
  template <int R>
  static void copy_all(context const& c, tensor_view<T const, R, context> from, tensor_view<T, R, context> to) {
    shape<2> const row{{1, from.size()}};
    copy<T>(c, from.reshape(row), {.y = to.reshape(row)});
  }

  freeze_convolution_args<T, Rank, context> fixed_;  // the bias is ours
  shape<Rank> weight_extents_;
  tensor<T, 1, context> bias_;
  tensor<T, 2, context> by_taps_;     // without groups
  tensor<T, Rank, context> grouped_;  // with groups, as given
};

template <device_float T, int Rank>
frozen_convolution<T, Rank> freeze_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                                               freeze_convolution_args<T, Rank, context> const& a) {
  return {c, weight, a};
}

template <device_float T, int Rank>
void frozen_convolution_forward(context const& c, tensor_view<T const, Rank, context> x,
                                frozen_convolution<T, Rank>& frozen,
                                frozen_convolution_forward_args<T, Rank, context> const& a) {
  frozen.forward(c, x, a);
}

}  // namespace scale::cuda
