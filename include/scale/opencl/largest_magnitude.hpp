// SPDX-License-Identifier: Apache-2.0
#pragma once
// Largest magnitude on the device. Without their signs, floats are ordered as their bits are, NaN above all: a maximum
// of whole numbers, which does not depend on the order.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/largest_magnitude.hpp>

#include <cstdint>

namespace scale::opencl {

namespace detail {

inline constexpr index_t largest_magnitude_part = 4096;  // elements of a group's part

inline constexpr program_source largest_magnitude_program{"largest_magnitude", {R"CL(
// The largest of each part of words [n], their sign bits left out: one number per group.
kernel void largest_magnitude(long n, ARRAY(int const, words), long part, ARRAY(int, largest), local int* shared) {
  long const begin = get_group_id(0) * part, count = min(n - begin, part);
  int most = 0;
  FOR_ROW(k, count) most = max(most, DATA(words)[begin + k] & 0x7fffffff);
  shared[get_local_id(0)] = most;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) != 0) return;
  for (int other = 1; other < get_local_size(0); ++other) most = max(most, shared[other]);
  DATA(largest)[get_group_id(0)] = most;
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void largest_magnitude(context const& c, tensor_view<T const, 1, context> x,
                       largest_magnitude_args<T, context> const& a) {
  static_assert(sizeof(T) == sizeof(std::int32_t));
  index_t const n = x.extent(0), parts = detail::ceil_div(n, detail::largest_magnitude_part);
  tensor<std::int32_t, 1, context> partial(c, shape{parts});
  auto const reduce = [&](std::int32_t const* words, index_t count, index_t part, index_t groups, std::int32_t* to) {
    detail::launch(c, "largest_magnitude", detail::largest_magnitude_program, "largest_magnitude", detail::rows(groups),
                   count, words, part, to, detail::local_bytes{detail::work_tuning::group * sizeof(std::int32_t)});
  };
  reduce(reinterpret_cast<std::int32_t const*>(x.data_handle()), n, detail::largest_magnitude_part, parts,
         partial.data_handle());
  reduce(partial.data_handle(), parts, parts, 1, reinterpret_cast<std::int32_t*>(a.y.data_handle()));
}

}  // namespace scale::opencl
