// SPDX-License-Identifier: Apache-2.0
// Names that headers of systems define as macros: no header of ours may use them, and min and max only in parentheses,
// (std::min)(a, b). What stands for each is no token of C++, so a use is an error at its line.
#include <foreign.hpp>

// clang-format off
#undef min
#undef max
#undef small
#undef interface
#undef near
#undef far
#undef IN
#undef OUT
#undef ERROR
#undef DOMAIN
#undef OVERFLOW
#undef I
#undef B0
#undef major
#undef minor
#undef unix
#undef linux
#define min(a, b) @  // windows.h
#define max(a, b) @  // windows.h
#define small @  // rpcndr.h
#define interface @  // combaseapi.h
#define near @  // windef.h
#define far @  // windef.h
#define IN @  // minwindef.h
#define OUT @  // minwindef.h
#define ERROR @  // wingdi.h
#define DOMAIN @  // math.h
#define OVERFLOW @  // math.h
#define I @  // complex.h
#define B0 @  // termios.h
#define major @  // sys/sysmacros.h
#define minor @  // sys/sysmacros.h
#define unix @  // compilers in GNU mode
#define linux @  // compilers in GNU mode
// clang-format on

#include <everything.hpp>

int macro_traps_unit();
int macro_traps_unit() { return 3; }
