// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rows of largest dot product on the device: scores a strip at a time; each query keeps its sorted list of the best
// so far, which few scores get into.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/product.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/top_k.hpp>

#include <algorithm>

namespace scale::opencl {

namespace detail {

struct top_k_tuning {
  static constexpr index_t queries = 1024, bank_rows = 2048;  // of the scores in memory at once
};

inline constexpr program_source top_k_program{"top_k", {R"CL(
// Puts scores [m, count] of bank rows bank_begin and on into each query's list, of which min(k, bank_begin) places are
// taken. A group per query: its items look for scores that get in, and the first puts them in, in ascending order.
kernel void add_scores(long count, long bank_begin, long k, MATRIX(float const, scores), MATRIX(float, best),
                       MATRIX(int, index), local int* found) {
  long const query = get_group_id(0);
  int const item = get_local_id(0), items = get_local_size(0);
  global float* const list = ROW(best, query);
  for (long begin = 0; begin < count; begin += items) {
    long const taken_before = min(k, bank_begin + begin);
    float const score = begin + item < count ? ROW(scores, query)[begin + item] : 0.0f;
    found[item] = begin + item < count && (taken_before < k || score > list[k - 1]) ? 1 : 0;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    if (item == 0) {
      long taken = taken_before;
      for (int other = 0; other < items; ++other) {
        if (found[other] == 0) continue;
        float const next = ROW(scores, query)[begin + other];
        if (taken == k && !(next > list[k - 1])) continue;
        long place = taken < k ? taken++ : k - 1;
        for (; place > 0 && list[place - 1] < next; --place) {
          list[place] = list[place - 1];
          ROW(index, query)[place] = ROW(index, query)[place - 1];
        }
        list[place] = next;
        ROW(index, query)[place] = bank_begin + begin + other;
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void top_k_dot(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  constexpr auto op = "top_k_dot";
  using tuning = detail::top_k_tuning;
  using detail::factor;
  index_t const m = queries.extent(0), n = a.bank.extent(0), k = a.score.extent(1);
  if (m == 0 || k == 0) return;
  tensor<T, 2, context> scores(c, shape{(std::min)(m, tuning::queries), (std::min)(n, tuning::bank_rows)});
  for (index_t q = 0; q < m; q += tuning::queries)
    for (index_t row = 0; row < n; row += tuning::bank_rows) {
      index_t const height = (std::min)(tuning::queries, m - q), count = (std::min)(tuning::bank_rows, n - row);
      tensor_view<T, 2, context> const part = scores.view().rows(0, height).columns(0, count);
      detail::multiply(c, op, factor::rows_of(queries.rows(q, height)), factor::rows_of(a.bank.rows(row, count)), part,
                       write_mode::assign);
      detail::launch(c, op, detail::top_k_program, "add_scores", detail::rows(height), count, row, k,
                     detail::matrix(part), detail::matrix(a.score.rows(q, height)),
                     detail::matrix(a.index.rows(q, height)),
                     detail::local_bytes{detail::work_tuning::group * sizeof(int)});
    }
}

}  // namespace scale::opencl
