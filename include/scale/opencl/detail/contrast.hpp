// SPDX-License-Identifier: Apache-2.0
#pragma once
// What both InfoNCE losses are made of: statistics of scores, and gradients through weights; both a strip of the score
// matrix at a time.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/product.hpp>

#include <algorithm>
#include <cstdint>

namespace scale::opencl::detail {

struct contrast_tuning {
  static constexpr index_t strip_scores = index_t{2} << 20;  // in memory at once, where one row is not more
  static constexpr index_t strip_multiple = 128;             // rows of a strip, where they are so many
};

inline constexpr program_source contrast_program{"contrast", {group_reductions, R"CL(
// lse, loss and whether the target is best, of each query of a strip [queries, n] of products. A group per query.
// Without target query i has key i; of equal scores the lower key is best.
kernel void contrast_statistics(long q_begin, long n, MATRIX(float const, products), float temperature,
                                ARRAY(int const, target), ARRAY(float, lse), ARRAY(float, losses), ARRAY(int, hits),
                                local float* shared) {
  long const row = get_group_id(0), query = q_begin + row;
  long const wanted = GIVEN(target) ? DATA(target)[query] : query;
  global float const* const from = ROW(products, row);
  float const own = from[wanted] / temperature;
  float largest = -INFINITY, sum = 0, better = 0;
  FOR_ROW(key, n) {
    float const score = from[key] / temperature;
    largest = fmax(largest, score);
    better += score > own || (score == own && key < wanted) ? 1.0f : 0.0f;
  }
  largest = group_max(largest, shared);
  better = group_max(better, shared);
  FOR_ROW(key, n) sum += exp(from[key] / temperature - largest);
  float const log_sum = log(group_sum(sum, shared));
  if (get_local_id(0) != 0) return;
  DATA(lse)[query] = largest + log_sum;
  DATA(losses)[query] = (largest - own) + log_sum;  // not from lse: both may be large
  DATA(hits)[query] = better == 0 ? 1 : 0;
}

// In a strip [rows, count] of products, in place: factor times the loss's slope by the score of own row own_begin + i
// and other row j: a term for each side whose lse is given, seen from that side. Without targets row i has row i.
kernel void contrast_weights(long own_begin, long count, float temperature, ARRAY(float const, own_lse),
                             ARRAY(int const, own_target), ARRAY(float const, other_lse),
                             ARRAY(int const, other_target), float factor, MATRIX(float, products)) {
  FOR_ELEMENTS(row, j, count) {
    long const i = own_begin + row;
    float const score = ROW(products, row)[j] / temperature;
    float weight = 0;
    if (GIVEN(own_lse))
      weight += exp(score - DATA(own_lse)[i]) - ((GIVEN(own_target) ? DATA(own_target)[i] : i) == j ? 1.0f : 0.0f);
    if (GIVEN(other_lse))
      weight +=
          exp(score - DATA(other_lse)[j]) - ((GIVEN(other_target) ? DATA(other_target)[j] : j) == i ? 1.0f : 0.0f);
    ROW(products, row)[j] = factor * weight;
  }
}
)CL"}};

/// f(begin, strip) for strips [rows, others] of the products of all rows of x and `others`, in ascending order. The
/// strip is memory that f may write.
template <class F>
void for_product_strips(context const& c, char const* op, tensor_view<float const, 2, context> x,
                        tensor_view<float const, 2, context> others, F const& f) {
  using tuning = contrast_tuning;
  index_t const rows = x.extent(0), count = others.extent(0);
  if (rows == 0 || count == 0) return;
  index_t const fitting = tuning::strip_scores / count / tuning::strip_multiple * tuning::strip_multiple;
  index_t const height = (std::min)(rows, (std::max)(fitting, tuning::strip_multiple));
  tensor<float, 2, context> products(c, shape{height, count});
  for (index_t begin = 0; begin < rows; begin += height) {
    tensor_view<float, 2, context> const strip = products.view().rows(0, (std::min)(height, rows - begin));
    multiply(c, op, factor::rows_of(x.rows(begin, strip.extent(0))), factor::rows_of(others), strip,
             write_mode::assign);
    f(begin, strip);
  }
}

/// lse, losses and hits, [m] each; target nullptr: query i has key i.
inline void contrast_forward(context const& c, char const* op, tensor_view<float const, 2, context> q,
                             tensor_view<float const, 2, context> keys, double temperature, std::int32_t const* target,
                             float* lse, float* losses, std::int32_t* hits) {
  for_product_strips(c, op, q, keys, [&](index_t begin, tensor_view<float, 2, context> strip) {
    launch(c, op, contrast_program, "contrast_statistics", rows(strip.extent(0)), begin, strip.extent(1), matrix(strip),
           static_cast<float>(temperature), target, lse, losses, hits, group_floats);
  });
}

/// One side of the scores of a loss: the gradient's own rows, or the others.
struct contrast_side {
  tensor_view<float const, 2, context> x;
  float const* lse = nullptr;            // nullptr: no term of the loss is a mean over these rows
  std::int32_t const* target = nullptr;  // nullptr: row i has row i of the other side
};

/// out = or += scale times, per own row, the sum over the others of the loss's slope by their score times the other.
inline void contrast_gradient(context const& c, char const* op, contrast_side const& own, contrast_side const& others,
                              double temperature, double scale, tensor_view<float, 2, context> out, write_mode mode) {
  for_product_strips(c, op, own.x, others.x, [&](index_t begin, tensor_view<float, 2, context> strip) {
    index_t const height = strip.extent(0), count = strip.extent(1);
    launch(c, op, contrast_program, "contrast_weights", elements(height, count), begin, count,
           static_cast<float>(temperature), own.lse, own.target, others.lse, others.target, static_cast<float>(scale),
           matrix(strip));
    multiply(c, op, factor::rows_of(strip), factor::columns_of(others.x), out.rows(begin, height), mode);
  });
}

}  // namespace scale::opencl::detail
