// SPDX-License-Identifier: Apache-2.0
#pragma once
// Vector code of attention for one set and head. Keys lie in blocks of 16 side by side, so that a query meets 16 at a
// time; sums over keys run in registers, 32 columns at a time. Call all of it inside simd_dispatch.

#include <scale/core/config.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/shape.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/vector_math.hpp>

#include <limits>

namespace scale::cpu::detail {

inline constexpr int key_lanes = 16, column_lanes = 32;

constexpr index_t padded_keys(index_t keys) { return (keys + key_lanes - 1) / key_lanes * key_lanes; }

/// Rows of float, `stride` apart.
struct float_rows {
  float const* data;
  index_t stride;
};

/// Columns [0, width) of n rows in float: the rows themselves, or copies in `room` [n, width], which may be null for
/// rows of float.
SCALE_ALWAYS_INLINE float_rows in_float(float const* rows, index_t stride, index_t, index_t, float*) {
  return {rows, stride};
}
SCALE_ALWAYS_INLINE float_rows in_float(bf16 const* rows, index_t stride, index_t n, index_t width, float* room) {
  for (index_t i = 0; i < n; ++i) {
#pragma omp simd
    for (index_t d = 0; d < width; ++d) room[i * width + d] = float(rows[i * stride + d]);
  }
  return {room, width};
}

/// Where sums of rows are formed in float: in rows of float themselves, or in `room` [rows, width].
struct row_sums {
  float* data;
  index_t stride;
};

SCALE_ALWAYS_INLINE row_sums sums_for(float* rows, index_t stride, index_t, float*) { return {rows, stride}; }
SCALE_ALWAYS_INLINE row_sums sums_for(bf16*, index_t, index_t width, float* room) { return {room, width}; }

/// Rounds n rows of sums into the rows they are of.
SCALE_ALWAYS_INLINE void round_sums(row_sums const&, index_t, index_t, float*, index_t) {}
SCALE_ALWAYS_INLINE void round_sums(row_sums const& sums, index_t n, index_t width, bf16* rows, index_t stride) {
  for (index_t i = 0; i < n; ++i) {
#pragma omp simd
    for (index_t d = 0; d < width; ++d) round_to(rows[i * stride + d], sums.data[i * sums.stride + d]);
  }
}

/// Columns [0, width) of `keys` rows, `stride` apart -> packed [padded_keys / 16, width, 16], zeros beyond.
template <class T>
SCALE_ALWAYS_INLINE void pack_keys(T const* rows, index_t stride, index_t keys, index_t width, float* packed) {
  for (index_t first = 0; first < keys; first += key_lanes) {
    index_t const some = keys - first < key_lanes ? keys - first : index_t{key_lanes};
    float* const block = packed + first * width;
    for (index_t lane = 0; lane < key_lanes; ++lane)
      for (index_t d = 0; d < width; ++d)
        block[d * key_lanes + lane] = lane < some ? float(rows[(first + lane) * stride + d]) : 0.0f;
  }
}

/// dots[j] = factor * (vector . row j) for all padded keys.
SCALE_ALWAYS_INLINE void dots_with_keys(float const* vector, index_t width, float const* packed, index_t keys,
                                        float factor, float* dots) {
  for (index_t first = 0; first < keys; first += key_lanes) {
    float const* const block = packed + first * width;
    float sum[key_lanes] = {};
    for (index_t d = 0; d < width; ++d) {
      float const value = vector[d];
#pragma omp simd
      for (int lane = 0; lane < key_lanes; ++lane) sum[lane] += value * block[d * key_lanes + lane];
    }
#pragma omp simd
    for (int lane = 0; lane < key_lanes; ++lane) dots[first + lane] = factor * sum[lane];
  }
}

/// Sum of x[0], .. x[padded - 1], lane by lane, then across the lanes in halves.
template <class Term>
SCALE_ALWAYS_INLINE float sum_lanes(index_t padded, Term const& term) {
  float sum[key_lanes] = {};
  for (index_t first = 0; first < padded; first += key_lanes) {
#pragma omp simd
    for (int lane = 0; lane < key_lanes; ++lane) sum[lane] += term(first + lane);
  }
  for (int half = key_lanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  return sum[0];
}

/// The largest of scores[0, keys); scores from there to padded_keys become -infinity.
SCALE_ALWAYS_INLINE float largest_of_keys(float* scores, index_t keys) {
  index_t const padded = padded_keys(keys);
  float most[key_lanes];
  for (float& value : most) value = -std::numeric_limits<float>::infinity();
  for (index_t j = keys; j < padded; ++j) scores[j] = -std::numeric_limits<float>::infinity();
  for (index_t first = 0; first < padded; first += key_lanes) {
#pragma omp simd
    for (int lane = 0; lane < key_lanes; ++lane)
      most[lane] = scores[first + lane] > most[lane] ? scores[first + lane] : most[lane];
  }
  for (int half = key_lanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane)
      most[lane] = most[lane] > most[lane + half] ? most[lane] : most[lane + half];
  return most[0];
}

/// Softmax of scores[0, keys) in place; scores up to padded_keys become 0.
SCALE_ALWAYS_INLINE void softmax_of_keys(float* scores, index_t keys) {
  index_t const padded = padded_keys(keys);
  float const largest = largest_of_keys(scores, keys);
  float const sum = sum_lanes(padded, [=](index_t j) { return scores[j] = exp(scores[j] - largest); });
  float const inverse = 1.0f / sum;
#pragma omp simd
  for (index_t j = 0; j < padded; ++j) scores[j] *= inverse;
}

/// out[0, width) = or += sum over i < n of weights[i * weight_stride] * rows[i * row_stride + ...].
template <bool Add, class T>
SCALE_ALWAYS_INLINE void weighted_rows(index_t n, float const* weights, index_t weight_stride, float const* rows,
                                       index_t row_stride, index_t width, T* out) {
  index_t d = 0;
  for (; d + column_lanes <= width; d += column_lanes) {
    float sum[column_lanes] = {};
    for (index_t i = 0; i < n; ++i) {
      float const weight = weights[i * weight_stride];
      float const* const row = rows + i * row_stride + d;
#pragma omp simd
      for (int lane = 0; lane < column_lanes; ++lane) sum[lane] += weight * row[lane];
    }
#pragma omp simd
    for (int lane = 0; lane < column_lanes; ++lane)
      round_to(out[d + lane], Add ? float(out[d + lane]) + sum[lane] : sum[lane]);
  }
  for (; d < width; ++d) {
    float sum = 0;
    for (index_t i = 0; i < n; ++i) sum += weights[i * weight_stride] * rows[i * row_stride + d];
    round_to(out[d], Add ? float(out[d]) + sum : sum);
  }
}

}  // namespace scale::cpu::detail
