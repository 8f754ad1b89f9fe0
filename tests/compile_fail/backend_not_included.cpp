// SPDX-License-Identifier: Apache-2.0
// expect: include <scale/NAME.hpp> of the backend
// The context alone, without the backend's operators.
#include <scale/ops/layer_norm.hpp>
#include <scale/ref/context.hpp>
#if !SCALE_TEST_MISTAKE
#include <scale/ref/layer_norm.hpp>
#endif

using context = scale::ref::context;

void normalise(scale::tensor<float, 2, context> const& x, scale::layer_norm_forward_args<float, context> const& args);
void normalise(scale::tensor<float, 2, context> const& x, scale::layer_norm_forward_args<float, context> const& args) {
  scale::layer_norm_forward(context{}, x, args);
}
