// SPDX-License-Identifier: Apache-2.0
#pragma once
// Product of two matrices, element by element, on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/elementwise_product.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_elementwise_product(context const& c, tensor_view<T const, 2, context> x,
                                             elementwise_product_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void elementwise_product(context const& c, tensor_view<T const, 2, context> x,
                         elementwise_product_args<T, context> const& a) {
  detail::launch_elementwise_product(c, x, a);
}

}  // namespace scale::cuda
