// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference convolution with weights that stay: a copy of them, and convolution_forward.

#include <scale/ops/frozen_convolution.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/convolution.hpp>

#include <algorithm>
#include <iterator>

namespace scale::ref {

template <floating T, int Rank>
class frozen_convolution {
 public:
  frozen_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                     freeze_convolution_args<T, Rank, context> const& a)
      : fixed_(a), weight_(c, weight.extents()), bias_(c, a.bias.extents()) {
    std::copy_n(weight.data_handle(), weight.size(), weight_.data_handle());
    if (!a.bias.has_data()) return;
    std::copy_n(a.bias.data_handle(), a.bias.size(), bias_.data_handle());
    fixed_.bias = bias_;
  }

  shape<Rank> const& weight_extents() const { return weight_.extents(); }
  freeze_convolution_args<T, Rank, context> const& fixed() const { return fixed_; }
  tensor_view<T const, Rank, context> weight() const { return weight_.view(); }

 private:
  freeze_convolution_args<T, Rank, context> fixed_;
  tensor<T, Rank, context> weight_;
  tensor<T, 1, context> bias_;
};

template <floating T, int Rank>
frozen_convolution<T, Rank> freeze_convolution(context const& c, tensor_view<T const, Rank, context> weight,
                                               freeze_convolution_args<T, Rank, context> const& a) {
  return {c, weight, a};
}

template <floating T, int Rank>
void frozen_convolution_forward(context const& c, tensor_view<T const, Rank, context> x,
                                frozen_convolution<T, Rank>& frozen,
                                frozen_convolution_forward_args<T, Rank, context> const& a) {
  auto const& fixed = frozen.fixed();
  convolution_forward_args<T, Rank, context> all{.weight = frozen.weight(),
                                                 .bias = fixed.bias,
                                                 .y = a.y,
                                                 .stride = {},
                                                 .pad_begin = {},
                                                 .pad_end = {},
                                                 .groups = fixed.groups,
                                                 .act = fixed.act,
                                                 .residual = a.residual};
  std::copy(std::begin(fixed.stride), std::end(fixed.stride), std::begin(all.stride));
  std::copy(std::begin(fixed.pad_begin), std::end(fixed.pad_begin), std::begin(all.pad_begin));
  std::copy(std::begin(fixed.pad_end), std::end(fixed.pad_end), std::begin(all.pad_end));
  convolution_forward(c, x, all);
}

}  // namespace scale::ref
