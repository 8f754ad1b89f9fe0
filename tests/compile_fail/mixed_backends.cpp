// SPDX-License-Identifier: Apache-2.0
// expect: no match for call || no matching function for call
// A tensor of one backend given to an operator on another: never an implicit copy.
#include <scale/ref.hpp>

#include <compile_fail/other_backend.hpp>

using context = scale::ref::context;
#if SCALE_TEST_MISTAKE
using input = scale::tensor_view<float const, 2, other::context>;
#else
using input = scale::tensor_view<float const, 2, context>;
#endif

void normalise(input x, scale::layer_norm_forward_args<float, context> const& args);
void normalise(input x, scale::layer_norm_forward_args<float, context> const& args) {
  scale::layer_norm_forward(context{}, x, args);
}
