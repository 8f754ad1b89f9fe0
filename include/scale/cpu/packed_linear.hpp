// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer with packed weights on the CPU: blocks of rows over the threads, one thread of oneDNN in each;
// the activation follows while the block lies in cache. In bf16 sums are kept in float to the end, gelu included, and
// rounded once.

#include <scale/core/host_buffer.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/packed_matmul.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/packed_linear.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>

namespace scale::cpu {

template <cpu_element T>
index_t packed_linear_size(context const&, std::type_identity<T>, index_t inputs, index_t outputs) {
  detail::thread_scope const one(context(1));
  return detail::onednn_call<T>("packed_linear_size", [&] {
    std::size_t const bytes = detail::packed_weight_layout<T>(inputs, outputs).get_size();
    return static_cast<index_t>((bytes + sizeof(T) - 1) / sizeof(T));
  });
}

template <cpu_element T>
void pack_linear(context const& c, tensor_view<T const, 2, context> weight, pack_linear_args<T, context> const& a) {
  index_t const outputs = weight.extent(0), inputs = weight.extent(1);
  detail::memory_desc const layout = detail::onednn_call<T>("pack_linear", [&] {
    detail::thread_scope const one(context(1));
    return detail::packed_weight_layout<T>(inputs, outputs);
  });
  detail::thread_scope const threads(c);
  detail::onednn_call<T>("pack_linear", [&] {
    detail::memory_desc const plain({inputs, outputs}, detail::onednn_type<T>, detail::memory_dims{1, inputs});
    dnnl::memory from(plain, detail::onednn_engine(), const_cast<T*>(weight.data_handle()));
    dnnl::memory to(layout, detail::onednn_engine(), a.packed.data_handle());
    dnnl::reorder(from, to).execute(detail::onednn_stream(), from, to);
    detail::onednn_stream().wait();
  });
}

namespace detail {

/// packed_linear where products are summed up in C: T itself, or float where more is to come before they are rounded.
template <class T, class C>
void packed_linear_blocks(context const& c, tensor_view<T const, 2, context> const& x,
                          packed_linear_args<T, context> const& a) {
  constexpr bool apart = !std::same_as<T, C>;  // sums do not lie in y
  index_t const n = x.extent(0), outputs = a.y.extent(1), block = packed_block_rows;
  index_t const y_stride = n == 1 ? outputs : a.y.stride(0);
  packed_matmul_shape sizes{.rows = block,
                            .inputs = x.extent(1),
                            .outputs = outputs,
                            .a_stride = n == 1 ? x.extent(1) : x.stride(0),
                            .c_stride = apart ? outputs : y_stride,
                            .has_bias = a.bias.has_data(),
                            .mode = a.mode};
  std::optional<packed_matmul<T, C>> whole, rest;
  {
    thread_scope const one(context(1));
    if (n >= block) whole.emplace(sizes).use(a.packed.data_handle());
    sizes.rows = n % block;
    if (sizes.rows != 0) rest.emplace(sizes).use(a.packed.data_handle());
  }
  std::size_t const scratch_bytes = (std::max)(whole ? whole->scratch_bytes() : 0, rest ? rest->scratch_bytes() : 0);
  index_t const sums_size = apart ? (std::min)(n, block) * outputs : 0;
  parallel_for(c, (n + block - 1) / block, 1, [&](index_t begin, index_t end) {
    thread_scope const one(context(1));
    host_buffer const scratch(scratch_bytes), sums_memory(static_cast<std::size_t>(sums_size) * sizeof(C));
    for (index_t i = begin; i < end; ++i) {
      index_t const first = i * block, count = (std::min)(block, n - first);
      T* const y = a.y.data_handle() + first * y_stride;
      C* sums = nullptr;
      if constexpr (apart)
        sums = static_cast<C*>(sums_memory.data());
      else
        sums = y;
      (count == block ? *whole : *rest)(x.data_handle() + first * sizes.a_stride, a.bias.data_handle(), sums,
                                        scratch.data());
      if (a.act != activation::gelu) continue;
      simd_dispatch([&] {
        for (index_t row = 0; row < count; ++row) {
          C const* const in = sums + row * sizes.c_stride;
          T* const out = y + row * y_stride;
#pragma omp simd
          for (index_t j = 0; j < outputs; ++j) {
            normal_value const at = normal(in[j]);
            detail::round_to(out[j], (in[j] > 0.0f ? in[j] : at.bounded) * at.cdf);
          }
        }
      });
    }
  });
}

}  // namespace detail

template <cpu_element T>
void packed_linear(context const& c, tensor_view<T const, 2, context> x, packed_linear_args<T, context> const& a) {
  if (x.extent(0) == 0) return;
  detail::onednn_call<T>("packed_linear", [&] {
    if (a.act == activation::gelu)
      detail::packed_linear_blocks<T, float>(c, x, a);
    else
      detail::packed_linear_blocks<T, T>(c, x, a);
  });
}

}  // namespace scale::cpu
