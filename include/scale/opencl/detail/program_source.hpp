// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of a program: parts that its operator's header lists, behind what every kernel is written with.

#include <array>
#include <string>
#include <string_view>

namespace scale::opencl::detail {

struct work_tuning {
  static constexpr int group = 64;     // work-items; a power of two
  static constexpr int per_item = 16;  // neighbouring elements of a matrix that an item works on, `group` apart
};

/// How kernels see tensors. Extents, strides and numbers of rows are long.
inline constexpr char const* prelude = R"CL(
// Parameters: an array, and a matrix whose rows lie apart. A tensor that was not given has no memory.
#define ARRAY(T, name) global T* name##_memory, long name##_offset
#define MATRIX(T, name) ARRAY(T, name), long name##_stride

#define GIVEN(name) (name##_memory != 0)
#define DATA(name) (name##_memory + name##_offset)
#define ROW(name, i) (DATA(name) + (i) * name##_stride)

// For launches over elements(): a group works on a part of row i, an item on its columns j.
#define FOR_ELEMENTS(i, j, columns)                                                                        \
  long const part_##j = get_local_size(0) * PER_ITEM, parts_##j = ((columns) + part_##j - 1) / part_##j;   \
  long const i = get_group_id(0) / parts_##j, begin_##j = get_group_id(0) % parts_##j * part_##j;          \
  for (long j = begin_##j + get_local_id(0), end_##j = min((long)(columns), begin_##j + part_##j); j < end_##j; \
       j += get_local_size(0))

// The same, on columns j to j + 3, of which the last ones may not exist.
#define FOR_QUADS(i, j, columns)                                                                                  \
  long const part_##j = get_local_size(0) * PER_ITEM, parts_##j = ((columns) + part_##j - 1) / part_##j;          \
  long const i = get_group_id(0) / parts_##j, begin_##j = get_group_id(0) % parts_##j * part_##j;                 \
  for (long j = begin_##j + 4 * get_local_id(0), end_##j = min((long)(columns), begin_##j + part_##j); j < end_##j; \
       j += 4 * get_local_size(0))

// The elements that exist, the others 0; `left` is how many columns there are.
float4 load_quad(global float const* from, long left) {
  if (left >= 4) return vload4(0, from);
  return (float4)(from[0], left > 1 ? from[1] : 0.0f, left > 2 ? from[2] : 0.0f, 0.0f);
}

void store_quad(global float* to, float4 values, long left) {
  if (left >= 4) {
    vstore4(values, 0, to);
    return;
  }
  to[0] = values.x;
  if (left > 1) to[1] = values.y;
  if (left > 2) to[2] = values.z;
}

// For launches over rows(): a group works on row get_group_id(0), an item on its columns j.
#define FOR_ROW(j, columns) for (long j = get_local_id(0); j < (columns); j += get_local_size(0))
)CL";

/// Reductions over the items of a group, on all of them, in an order that their numbers fix. `shared` has a place per
/// item. Every item takes part.
inline constexpr char const* group_reductions = R"CL(
float group_sum(float value, local float* shared) {
  int const me = get_local_id(0);
  shared[me] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int distance = get_local_size(0) / 2; distance > 0; distance /= 2) {
    if (me < distance) shared[me] += shared[me + distance];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  float const sum = shared[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

// NaN only if all are.
float group_max(float value, local float* shared) {
  int const me = get_local_id(0);
  shared[me] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int distance = get_local_size(0) / 2; distance > 0; distance /= 2) {
    if (me < distance) shared[me] = fmax(shared[me], shared[me + distance]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  float const largest = shared[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return largest;
}
)CL";

/// One object per operator. Its address tells programs of a context apart.
struct program_source {
  char const* name;
  std::array<char const*, 4> parts;  // those that are not nullptr
};

inline std::string text_of(program_source const& source) {
  std::string text = prelude;
  for (char const* const part : source.parts)
    if (part != nullptr) text += part;
  return text;
}

}  // namespace scale::opencl::detail
