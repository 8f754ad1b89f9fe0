// SPDX-License-Identifier: Apache-2.0
// First of two translation units that include every header: a function that is not inline fails to link.
#include <everything.hpp>

int second_unit();
int macro_traps_unit();

int main() { return scale::version[0] != '\0' && second_unit() == 2 && macro_traps_unit() == 3 ? 0 : 1; }
