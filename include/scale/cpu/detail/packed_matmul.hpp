// SPDX-License-Identifier: Apache-2.0
#pragma once
// Products of blocks of rows with a weight in oneDNN's own blocked layout, each on one thread.

#include <scale/core/shape.hpp>
#include <scale/cpu/detail/onednn_compat.hpp>
#include <scale/ops/write_mode.hpp>

#include <algorithm>
#include <cstddef>
#include <unordered_map>

namespace scale::cpu::detail {

/// Rows of a block: a function of nothing, so that sums do not depend on threads. Fewer read the weight more often.
inline constexpr index_t packed_block_rows = 112;

/// c [rows, outputs] = or += a [rows, inputs] times the weight, plus bias; rows of a and c any distance apart.
struct packed_matmul_shape {
  index_t rows, inputs, outputs, a_stride, c_stride;
  bool has_bias;
  write_mode mode;
};

/// For a, weight and bias of T, and c of C. Make and use it where OpenMP has one thread: oneDNN plans for as many
/// threads as there are then.
template <class T, class C>
dnnl::matmul::primitive_desc packed_matmul_description(packed_matmul_shape const& s) {
  auto const type = onednn_type<T>;
  dnnl::post_ops after;
  if (s.mode == write_mode::accumulate) after.append_sum(1.0f);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(after);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return matmul_description(
      memory_desc({s.rows, s.inputs}, type, memory_dims{(std::max)(s.a_stride, s.inputs), 1}),
      memory_desc({s.inputs, s.outputs}, type, dnnl::memory::format_tag::any),
      s.has_bias ? memory_desc({1, s.outputs}, type, memory_dims{s.outputs, 1}) : memory_desc(),
      memory_desc({s.rows, s.outputs}, onednn_type<C>, memory_dims{(std::max)(s.c_stride, s.outputs), 1}), attributes);
}

/// The layout that pack_linear makes: the one that oneDNN wants for a full block of rows.
template <class T>
memory_desc packed_weight_layout(index_t inputs, index_t outputs) {
  return packed_matmul_description<T, T>(
             {packed_block_rows, inputs, outputs, inputs, outputs, false, write_mode::assign})
      .weights_desc();
}

/// One product, kept for blocks of equal shape. Sums are kept in float, and rounded to C once, after all is added.
template <class T, class C = T>
class packed_matmul {
 public:
  explicit packed_matmul(packed_matmul_shape const& s) : layout_(packed_weight_layout<T>(s.inputs, s.outputs)) {
    dnnl::matmul::primitive_desc const description = packed_matmul_description<T, C>(s);
    source_ = description.src_desc(), weights_ = description.weights_desc(), result_ = description.dst_desc();
    if (s.has_bias) bias_ = memory_desc({1, s.outputs}, onednn_type<T>, memory_dims{s.outputs, 1});
    scratch_ = description.scratchpad_desc();
    primitive_ = dnnl::matmul(description);
  }

  /// The weight of the calls that follow, of packed_weight_layout; call it again when its numbers have changed. It is
  /// used as it lies where oneDNN wants that layout for this shape too, which it has done wherever tried; else it is
  /// reordered once, here.
  void use(T const* packed) {
    packed_ = packed;
    if (weights_ == layout_) return;
    if (!reordered_) reordered_ = dnnl::memory(weights_, onednn_engine());
    dnnl::memory source = weight_memory(layout_);
    dnnl::reorder(source, reordered_).execute(onednn_stream(), source, reordered_);
    onednn_stream().wait();
  }

  /// Memory that a call needs. oneDNN's own is of the thread that made the primitive: no other may call it then.
  std::size_t scratch_bytes() const { return scratch_.get_size(); }

  /// May be called from several threads at once, each with scratch memory of its own.
  void operator()(T const* a, T const* bias, C* c, void* scratch) const {
    auto const& engine = onednn_engine();
    std::unordered_map<int, dnnl::memory> arguments{
        {DNNL_ARG_SRC, dnnl::memory(source_, engine, const_cast<T*>(a))},  // oneDNN's handles know no const
        {DNNL_ARG_WEIGHTS, reordered_ ? reordered_ : weight_memory(weights_)},
        {DNNL_ARG_DST, dnnl::memory(result_, engine, c)},
        {DNNL_ARG_SCRATCHPAD, dnnl::memory(scratch_, engine, scratch)}};
    if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, dnnl::memory(bias_, engine, const_cast<T*>(bias)));
    primitive_.execute(onednn_stream(), arguments);
    onednn_stream().wait();
  }

 private:
  dnnl::memory weight_memory(memory_desc const& layout) const {
    return dnnl::memory(layout, onednn_engine(), const_cast<T*>(packed_));
  }

  T const* packed_ = nullptr;
  memory_desc layout_, source_, weights_, result_, bias_, scratch_;
  dnnl::memory reordered_;
  dnnl::matmul primitive_;
};

}  // namespace scale::cpu::detail
