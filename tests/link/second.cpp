// SPDX-License-Identifier: Apache-2.0
// Second of two translation units that include every header.
#include <everything.hpp>

int second_unit();
int second_unit() { return 2; }
