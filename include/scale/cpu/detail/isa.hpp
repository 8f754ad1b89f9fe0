// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs one loop body compiled for several instruction sets and picks at run time: no -march is needed to be fast.

#include <scale/core/config.hpp>

#include <utility>

namespace scale::cpu::detail {

enum class instruction_set { baseline, avx2, avx512 };

/// The best instruction set of this machine that kernels are compiled for.
inline instruction_set best_instruction_set() noexcept {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  static instruction_set const best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
      return instruction_set::avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return instruction_set::avx2;
    return instruction_set::baseline;
  }();
  return best;
#else
  return instruction_set::baseline;
#endif
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SCALE_CPU_TARGET_AVX512 \
  __attribute__((flatten, noinline, target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")))
#define SCALE_CPU_TARGET_AVX2 __attribute__((flatten, noinline, target("avx2,fma,f16c")))
#else
#define SCALE_CPU_TARGET_AVX512
#define SCALE_CPU_TARGET_AVX2
#endif

template <class F>
SCALE_CPU_TARGET_AVX512 auto call_avx512(F const& f) {
  return f();
}

template <class F>
SCALE_CPU_TARGET_AVX2 auto call_avx2(F const& f) {
  return f();
}

#undef SCALE_CPU_TARGET_AVX512
#undef SCALE_CPU_TARGET_AVX2

/// f(), with f's body and all it inlines compiled for the machine's instruction set. What f calls must be
/// SCALE_ALWAYS_INLINE or small enough to be inlined: a call that stays a call runs baseline code. Loops marked
/// `#pragma omp simd` vectorise at -O2 as well. Call it once per block of work, not per element.
template <class F>
auto simd_dispatch(F const& f) {
  switch (best_instruction_set()) {
    case instruction_set::avx512: return call_avx512(f);
    case instruction_set::avx2: return call_avx2(f);
    case instruction_set::baseline: break;
  }
  return f();
}

}  // namespace scale::cpu::detail
