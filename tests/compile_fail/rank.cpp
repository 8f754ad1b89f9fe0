// SPDX-License-Identifier: Apache-2.0
// expect: shape: ranks 1 to 5
#include <scale/core/shape.hpp>

scale::shape<SCALE_TEST_MISTAKE ? 6 : 5> make();
scale::shape<SCALE_TEST_MISTAKE ? 6 : 5> make() { return {}; }
