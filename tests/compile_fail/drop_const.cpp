// SPDX-License-Identifier: Apache-2.0
// expect: could not convert || no viable conversion
// A view of constant elements does not become a view of elements that can be written.
#include <scale/core/tensor.hpp>
#include <scale/ref/context.hpp>

using context = scale::ref::context;

#if SCALE_TEST_MISTAKE
using target = scale::tensor_view<float, 1, context>;
#else
using target = scale::tensor_view<float const, 1, context>;
#endif

target widen(scale::tensor_view<float const, 1, context> view);
target widen(scale::tensor_view<float const, 1, context> view) { return view; }
