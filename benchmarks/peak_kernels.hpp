// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loops that do nothing but multiply-adds in registers, or move memory, for the widest instructions of the machine.

#include <scale/core/shape.hpp>

#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SCALE_BENCHMARK_X86 1
#include <immintrin.h>
#else
#define SCALE_BENCHMARK_X86 0
#endif

namespace scale::benchmarks {

/// Independent sums: more than latency times instructions per clock of any machine here, fewer than registers.
inline constexpr int chains = 12;

#if SCALE_BENCHMARK_X86

inline bool has_avx512() { return __builtin_cpu_supports("avx512f") != 0; }
inline bool has_avx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }
inline bool has_bf16_dot() { return has_avx512() && __builtin_cpu_supports("avx512bf16") != 0; }

__attribute__((noinline, target("avx512f"))) inline float multiply_add_avx512(index_t rounds) {
  __m512 const x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  __m512 s[chains];
  for (int i = 0; i < chains; ++i) s[i] = _mm512_set1_ps(static_cast<float>(i));
  for (index_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) s[i] = _mm512_fmadd_ps(s[i], x, y);
  }
  for (int i = 1; i < chains; ++i) s[0] = _mm512_add_ps(s[0], s[i]);
  float lanes[16];
  _mm512_storeu_ps(lanes, s[0]);
  return lanes[0];
}

__attribute__((noinline, target("avx2,fma"))) inline float multiply_add_avx2(index_t rounds) {
  __m256 const x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  __m256 s[chains];
  for (int i = 0; i < chains; ++i) s[i] = _mm256_set1_ps(static_cast<float>(i));
  for (index_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) s[i] = _mm256_fmadd_ps(s[i], x, y);
  }
  for (int i = 1; i < chains; ++i) s[0] = _mm256_add_ps(s[0], s[i]);
  float lanes[8];
  _mm256_storeu_ps(lanes, s[0]);
  return lanes[0];
}

__attribute__((noinline, target("avx512f,avx512bf16"))) inline float bf16_dot(index_t rounds) {
  __m512bh const x = (__m512bh)_mm512_set1_epi16(0x3f00), y = (__m512bh)_mm512_set1_epi16(0x3400);  // 0.5, 2^-23
  __m512 s[chains];
  for (int i = 0; i < chains; ++i) s[i] = _mm512_set1_ps(static_cast<float>(i));
  for (index_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) s[i] = _mm512_dpbf16_ps(s[i], x, y);
  }
  for (int i = 1; i < chains; ++i) s[0] = _mm512_add_ps(s[0], s[i]);
  float lanes[16];
  _mm512_storeu_ps(lanes, s[0]);
  return lanes[0];
}

__attribute__((noinline, target("avx2"))) inline float sum_avx2(float const* x, index_t n) {
  __m256 s[8];
  for (auto& one : s) one = _mm256_setzero_ps();
  for (index_t i = 0; i + 64 <= n; i += 64) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) s[k] = _mm256_add_ps(s[k], _mm256_loadu_ps(x + i + 8 * k));
  }
  for (int k = 1; k < 8; ++k) s[0] = _mm256_add_ps(s[0], s[k]);
  float lanes[8];
  _mm256_storeu_ps(lanes, s[0]);
  return lanes[0];
}

#else

inline bool has_avx512() { return false; }
inline bool has_avx2() { return false; }
inline bool has_bf16_dot() { return false; }
inline float multiply_add_avx512(index_t) { return 0; }
inline float multiply_add_avx2(index_t) { return 0; }
inline float bf16_dot(index_t) { return 0; }
inline float sum_avx2(float const*, index_t) { return 0; }

#endif

inline constexpr double bf16_dot_flops = chains * 16 * 4;

/// For other machines: what the compiler makes of it.
inline float multiply_add_plain(index_t rounds) {
  float s[chains * 4];
  for (int i = 0; i < chains * 4; ++i) s[i] = static_cast<float>(i);
  for (index_t r = 0; r < rounds; ++r)
    for (float& one : s) one = one * 0.999f + 0.001f;
  for (int i = 1; i < chains * 4; ++i) s[0] += s[i];
  return s[0];
}

inline float multiply_add(index_t rounds) {
  if (has_avx512()) return multiply_add_avx512(rounds);
  return has_avx2() ? multiply_add_avx2(rounds) : multiply_add_plain(rounds);
}

/// Of one round.
inline double multiply_add_flops() { return chains * 2 * (has_avx512() ? 16.0 : has_avx2() ? 8.0 : 4.0); }

inline float sum(float const* x, index_t n) {
  if (has_avx2()) return sum_avx2(x, n);
  float s[16] = {};
  for (index_t i = 0; i + 16 <= n; i += 16)
    for (int k = 0; k < 16; ++k) s[k] += x[i + k];
  return s[0];
}

inline void copy_array(float const* from, float* to, index_t n) {
  std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
}

inline void triad(float const* x, float const* y, float s, float* z, index_t n) {
  for (index_t i = 0; i < n; ++i) z[i] = x[i] + s * y[i];
}

}  // namespace scale::benchmarks
