// SPDX-License-Identifier: Apache-2.0
// expect: layer_norm_forward: this backend has no overload for this element type
// A backend without the operator: no silent fall-back, the message names the remedy.
#include <scale/ref.hpp>

#include <compile_fail/other_backend.hpp>

#if SCALE_TEST_MISTAKE
using context = other::context;
#else
using context = scale::ref::context;
#endif

void normalise(context const& b, scale::tensor<float, 2, context> const& x,
               scale::layer_norm_forward_args<float, context> const& args);
void normalise(context const& b, scale::tensor<float, 2, context> const& x,
               scale::layer_norm_forward_args<float, context> const& args) {
  scale::layer_norm_forward(b, x, args);
}
