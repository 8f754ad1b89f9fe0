// SPDX-License-Identifier: Apache-2.0
// expect: tensor_view: this element type is not supported
#include <scale/core/tensor_view.hpp>
#include <scale/ref/context.hpp>

#if SCALE_TEST_MISTAKE
using element = long double;
#else
using element = double;
#endif

int rank(scale::tensor_view<element, 1, scale::ref::context> view);
int rank(scale::tensor_view<element, 1, scale::ref::context> view) { return static_cast<int>(view.extent(0)); }
