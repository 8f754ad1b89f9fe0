// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loops that do nothing but multiply-adds in registers, or move memory, for the widest instructions of the machine.

#include <scale/core/shape.hpp>

#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SCALE_BENCHMARK_X86 1
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
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

/// AMX: asked of the processor, and of Linux, which lets a process use its registers only on request.
inline bool has_bf16_tiles() {
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return (d & amx_bf16) != 0 && (d & amx_tile) != 0 && ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

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

/// Four tiles of sums, [16, 16] each, of two tiles of [16, 32] times two of [32, 16].
__attribute__((noinline, target("amx-tile,amx-bf16"))) inline float bf16_tiles(index_t rounds) {
  struct alignas(64) {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } const config;
  alignas(64) float sums[16 * 16] = {};
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (index_t r = 0; r < rounds; ++r) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, 64);
  _tile_release();
  return sums[0];
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
inline bool has_bf16_tiles() { return false; }
inline float multiply_add_avx512(index_t) { return 0; }
inline float multiply_add_avx2(index_t) { return 0; }
inline float bf16_dot(index_t) { return 0; }
inline float bf16_tiles(index_t) { return 0; }
inline float sum_avx2(float const*, index_t) { return 0; }

#endif

inline constexpr double bf16_dot_flops = chains * 16 * 4, bf16_tiles_flops = 4.0 * 16 * 16 * 32 * 2;

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
