// SPDX-License-Identifier: Apache-2.0
#pragma once
// One call for every matrix product of the backend: oneDNN's matmul, with sum, bias and relu in the same pass. Sums are
// formed in float whatever the elements are.

#include <scale/core/tensor_view.hpp>
#include <scale/cpu/detail/onednn_compat.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/ops/write_mode.hpp>

#include <algorithm>
#include <type_traits>
#include <unordered_map>

namespace scale::cpu::detail {

/// A matrix of float or bf16 by its strides; flipped() is its transpose.
template <class T>
struct matrix {
  T* data;
  index_t rows, columns, row_stride, column_stride;

  matrix flipped() const { return {data, columns, rows, column_stride, row_stride}; }
};

/// Strides along an extent of 1 mean nothing in a view; oneDNN wants them sane.
template <class T>
matrix<std::remove_const_t<T>> matrix_of(tensor_view<T, 2, context> const& v) {
  index_t const rows = v.extent(0), columns = v.extent(1);
  // oneDNN's handles know no const; sources are only read
  return {const_cast<std::remove_const_t<T>*>(v.data_handle()), rows, columns,
          rows == 1 ? (std::max)(index_t{1}, columns) : v.stride(0), 1};
}

template <class T>
struct matmul_options {
  T const* bias = nullptr;  // [columns of c]
  write_mode mode = write_mode::assign;
  bool relu = false;
};

/// c = or += a b + bias, then relu. Any product may be empty. Making the primitive anew costs 4 microseconds (oneDNN's
/// own cache has it after the first time), a third of a product of 9 x 256 by 256 x 256; larger ones do not notice.
template <class T, class R>
void multiply(context const& ctx, char const* op, matrix<T> const& a, matrix<T> const& b, matrix<R> const& c,
              std::type_identity_t<matmul_options<T>> const& options = {}) {
  if (c.rows == 0 || c.columns == 0) return;
  if (a.columns == 0) {
    for (index_t i = 0; i < c.rows; ++i)
      for (index_t j = 0; j < c.columns; ++j) {
        R& value = c.data[i * c.row_stride + j * c.column_stride];
        float const sum = (options.mode == write_mode::accumulate ? float(value) : 0.0f) +
                          (options.bias != nullptr ? float(options.bias[j]) : 0.0f);
        value = R(options.relu && sum < 0.0f ? 0.0f : sum);
      }
    return;
  }
  thread_scope const threads(ctx);
  onednn_call<T>(op, [&] {
    using memory = dnnl::memory;
    auto const describe = []<class E>(matrix<E> const& m) {
      return memory_desc({m.rows, m.columns}, onednn_type<E>, memory_dims{m.row_stride, m.column_stride});
    };
    dnnl::post_ops after;
    if (options.mode == write_mode::accumulate) after.append_sum(1.0f);
    if (options.relu) append_eltwise(after, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    memory_desc const bias_desc = options.bias == nullptr
                                      ? memory_desc()
                                      : memory_desc({1, c.columns}, onednn_type<T>, memory_dims{c.columns, 1});
    auto const description = matmul_description(describe(a), describe(b), bias_desc, describe(c), attributes);
    auto const& engine = onednn_engine();
    std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, memory(description.src_desc(), engine, a.data)},
                                              {DNNL_ARG_WEIGHTS, memory(description.weights_desc(), engine, b.data)},
                                              {DNNL_ARG_DST, memory(description.dst_desc(), engine, c.data)}};
    if (options.bias != nullptr)
      arguments.emplace(DNNL_ARG_BIAS, memory(bias_desc, engine, const_cast<T*>(options.bias)));
    dnnl::matmul(description).execute(onednn_stream(), arguments);
    onednn_stream().wait();
  });
}

}  // namespace scale::cpu::detail
