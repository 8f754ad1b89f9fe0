// SPDX-License-Identifier: Apache-2.0
#pragma once
// Building the token rows of clip sets on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/assemble_tokens.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_assemble_tokens_forward(context const& c, tensor_view<T const, 2, context> projected,
                                                 assemble_tokens_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_assemble_tokens_backward(context const& c, tensor_view<T const, 2, context> dtokens,
                                                  assemble_tokens_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void assemble_tokens_forward(context const& c, tensor_view<T const, 2, context> projected,
                             assemble_tokens_forward_args<T, context> const& a) {
  detail::launch_assemble_tokens_forward(c, projected, a);
}

template <device_float T>
void assemble_tokens_backward(context const& c, tensor_view<T const, 2, context> dtokens,
                              assemble_tokens_backward_args<T, context> const& a) {
  detail::launch_assemble_tokens_backward(c, dtokens, a);
}

}  // namespace scale::cuda
