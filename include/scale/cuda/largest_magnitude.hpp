// SPDX-License-Identifier: Apache-2.0
#pragma once
// Largest magnitude on the device.

#include <scale/cuda/context.hpp>
#include <scale/ops/largest_magnitude.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_largest_magnitude(context const& c, tensor_view<T const, 1, context> x,
                                           largest_magnitude_args<T, context> const& a);

}  // namespace detail

inline void largest_magnitude(context const& c, tensor_view<float const, 1, context> x,
                              largest_magnitude_args<float, context> const& a) {
  detail::launch_largest_magnitude<float>(c, x, a);
}

}  // namespace scale::cuda
