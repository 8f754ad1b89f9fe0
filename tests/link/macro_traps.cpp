// SPDX-License-Identifier: Apache-2.0
// Names that headers of systems define as macros: no header of ours may use them as its own, and min and max only in
// parentheses, (std::min)(a, b).
#include <foreign.hpp>

#define SCALE_TEST_TRAP a macro of a system header was expanded
#define min(a, b) SCALE_TEST_TRAP    // windows.h
#define max(a, b) SCALE_TEST_TRAP    // windows.h
#define small SCALE_TEST_TRAP        // rpcndr.h
#define interface SCALE_TEST_TRAP    // combaseapi.h
#define near SCALE_TEST_TRAP         // windef.h
#define far SCALE_TEST_TRAP          // windef.h
#define IN SCALE_TEST_TRAP           // minwindef.h
#define OUT SCALE_TEST_TRAP          // minwindef.h
#define ERROR SCALE_TEST_TRAP        // wingdi.h
#define DOMAIN SCALE_TEST_TRAP       // math.h
#define OVERFLOW SCALE_TEST_TRAP     // math.h
#undef I
#define I SCALE_TEST_TRAP            // complex.h
#undef B0
#define B0 SCALE_TEST_TRAP           // termios.h
#undef major
#define major(device) SCALE_TEST_TRAP  // sys/sysmacros.h
#undef minor
#define minor(device) SCALE_TEST_TRAP  // sys/sysmacros.h
#define unix SCALE_TEST_TRAP         // old compilers
#define linux SCALE_TEST_TRAP        // old compilers

#include <everything.hpp>

int macro_traps_unit();
int macro_traps_unit() { return 3; }
