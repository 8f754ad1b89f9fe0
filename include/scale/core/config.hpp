// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compiler facts, in one place: every other header asks these macros, never the compiler.

#if defined(__CUDACC__)
#define SCALE_HD __host__ __device__
#else
#define SCALE_HD
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SCALE_HIDDEN __attribute__((visibility("hidden")))
#define SCALE_ALWAYS_INLINE inline __attribute__((always_inline))
#define SCALE_RESTRICT __restrict__
#else
#define SCALE_HIDDEN
#define SCALE_ALWAYS_INLINE inline
#define SCALE_RESTRICT __restrict
#endif
