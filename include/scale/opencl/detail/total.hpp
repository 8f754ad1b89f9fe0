// SPDX-License-Identifier: Apache-2.0
#pragma once
// The mean of one loss per row, and how many rows hit, by a single group in a fixed order.

#include <scale/opencl/detail/launch.hpp>

#include <cstdint>

namespace scale::opencl::detail {

inline constexpr program_source total_program{"total", {group_reductions, R"CL(
// mean of values [n], and 0 where n = 0.
kernel void mean(long n, ARRAY(float const, values), ARRAY(float, mean), local float* shared) {
  float sum = 0;
  FOR_ROW(k, n) sum += DATA(values)[k];
  sum = group_sum(sum, shared);
  if (get_local_id(0) == 0) DATA(mean)[0] = n == 0 ? 0.0f : sum / n;
}

// count = sum of hits [n].
kernel void count(long n, ARRAY(int const, hits), ARRAY(int, count), local int* shared) {
  int sum = 0;
  FOR_ROW(k, n) sum += DATA(hits)[k];
  shared[get_local_id(0)] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) != 0) return;
  for (int other = 1; other < get_local_size(0); ++other) sum += shared[other];
  DATA(count)[0] = sum;
}
)CL"}};

inline void launch_mean(context const& c, char const* op, float const* values, index_t n, float* mean) {
  launch(c, op, total_program, "mean", rows(1), n, values, mean, group_floats);
}

inline void launch_count(context const& c, char const* op, std::int32_t const* hits, index_t n, std::int32_t* count) {
  launch(c, op, total_program, "count", rows(1), n, hits, count,
         local_bytes{work_tuning::group * sizeof(std::int32_t)});
}

}  // namespace scale::opencl::detail
