// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer with packed weights on the CPU: blocks of rows over the threads, one thread of oneDNN in each;
// the activation follows while the block lies in cache.

#include <scale/core/host_buffer.hpp>
#include <scale/cpu/detail/packed_matmul.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/cpu/gelu.hpp>
#include <scale/ops/packed_linear.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace scale::cpu {

template <cpu_float T>
index_t packed_linear_size(context const&, std::type_identity<T>, index_t inputs, index_t outputs) {
  detail::thread_scope const one(context(1));
  return detail::onednn_call("packed_linear_size", [&] {
    std::size_t const bytes = detail::packed_weight_layout(inputs, outputs).get_size();
    return static_cast<index_t>((bytes + sizeof(T) - 1) / sizeof(T));
  });
}

template <cpu_float T>
void pack_linear(context const& c, tensor_view<T const, 2, context> weight, pack_linear_args<T, context> const& a) {
  index_t const outputs = weight.extent(0), inputs = weight.extent(1);
  detail::memory_desc const layout = [&] {
    detail::thread_scope const one(context(1));
    return detail::packed_weight_layout(inputs, outputs);
  }();
  detail::thread_scope const threads(c);
  detail::onednn_call("pack_linear", [&] {
    detail::memory_desc const plain({inputs, outputs}, dnnl::memory::data_type::f32, detail::memory_dims{1, inputs});
    dnnl::memory from(plain, detail::onednn_engine(), const_cast<T*>(weight.data_handle()));
    dnnl::memory to(layout, detail::onednn_engine(), a.packed.data_handle());
    dnnl::reorder(from, to).execute(detail::onednn_stream(), from, to);
    detail::onednn_stream().wait();
  });
}

template <cpu_float T>
void packed_linear(context const& c, tensor_view<T const, 2, context> x, packed_linear_args<T, context> const& a) {
  index_t const n = x.extent(0), outputs = a.y.extent(1), block = detail::packed_block_rows;
  if (n == 0) return;
  detail::packed_matmul_shape sizes{.rows = block,
                                    .inputs = x.extent(1),
                                    .outputs = outputs,
                                    .a_stride = n == 1 ? x.extent(1) : x.stride(0),
                                    .c_stride = n == 1 ? outputs : a.y.stride(0),
                                    .has_bias = a.bias.has_data(),
                                    .mode = a.mode};
  std::optional<detail::packed_matmul> whole, rest;
  detail::onednn_call("packed_linear", [&] {
    detail::thread_scope const one(context(1));
    if (n >= block) whole.emplace(sizes).use(a.packed.data_handle());
    sizes.rows = n % block;
    if (sizes.rows != 0) rest.emplace(sizes).use(a.packed.data_handle());
  });
  std::size_t const scratch_bytes = (std::max)(whole ? whole->scratch_bytes() : 0, rest ? rest->scratch_bytes() : 0);
  detail::parallel_for(c, (n + block - 1) / block, 1, [&](index_t begin, index_t end) {
    detail::thread_scope const one(context(1));
    host_buffer const scratch(scratch_bytes);
    detail::onednn_call("packed_linear", [&] {
      for (index_t i = begin; i < end; ++i) {
        index_t const first = i * block, count = (std::min)(block, n - first);
        T* const y = a.y.data_handle() + first * sizes.c_stride;
        (count == block ? *whole : *rest)(x.data_handle() + first * sizes.a_stride, a.bias.data_handle(), y,
                                          scratch.data());
        if (a.act != activation::gelu) continue;
        tensor_view<T, 2, context> const rows(y, shape{count, outputs}, shape{sizes.c_stride, index_t{1}});
        gelu_forward(context(1), tensor_view<T const, 2, context>(rows), gelu_forward_args<T, context>{.y = rows});
      }
    });
  });
}

}  // namespace scale::cpu
