// SPDX-License-Identifier: Apache-2.0
#pragma once
// The library's version. CMake reads it from here.

#define SCALE_VERSION_MAJOR 0
#define SCALE_VERSION_MINOR 1
#define SCALE_VERSION_PATCH 0

namespace scale {

inline constexpr char const* version = "0.1.0";

}  // namespace scale
