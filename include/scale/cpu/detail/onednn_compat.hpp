// SPDX-License-Identifier: Apache-2.0
#pragma once
// oneDNN 2.x and 3.x under one face: the only header that knows the difference. Also its engine and stream.

#include <scale/core/dtype.hpp>
#include <scale/core/error.hpp>

#include <oneapi/dnnl/dnnl.hpp>

#include <concepts>
#include <string>
#include <type_traits>

namespace scale::cpu::detail {

/// The process's CPU engine. oneDNN documents engines as safe to use from several threads.
inline dnnl::engine const& onednn_engine() {
  static dnnl::engine const engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// A stream of the calling thread. CPU streams run at once: execute returns when the work is done.
inline dnnl::stream& onednn_stream() {
  thread_local dnnl::stream stream(onednn_engine());
  return stream;
}

/// f(), which computes in T; an error of oneDNN becomes a resource_error that names the operator. Products of bf16
/// exist in oneDNN 2.6 for processors with AVX-512: twice as fast as float where that has bf16 instructions, elsewhere
/// a quarter as fast. On others oneDNN has none, and the error says so.
template <class T = float, class F>
auto onednn_call(char const* op, F const& f) {
  try {
    return f();
  } catch (dnnl::error const& e) {
    std::string const where = "[" + std::string(op) + "] ";
    if constexpr (std::same_as<T, bf16>)
      if (e.status == dnnl_unimplemented)
        throw resource_error(where +
                             "expected a processor for which oneDNN has this in bf16 (on x86 one with AVX-512), found "
                             "another; compute in f32");
    throw resource_error(where + "oneDNN refused (status " + std::to_string(static_cast<int>(e.status)) +
                         "): " + e.what());
  }
}

/// oneDNN's name for an element type, const or not.
template <class T>
inline constexpr dnnl::memory::data_type onednn_type =
    std::same_as<std::remove_const_t<T>, bf16> ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, alpha, beta);
#else
  ops.append_eltwise(1.0f, algorithm, alpha, beta);
#endif
}

using memory_desc = dnnl::memory::desc;
using memory_dims = dnnl::memory::dims;

inline memory_dims dims_of(memory_desc const& description) {
#if DNNL_VERSION_MAJOR >= 3
  return description.get_dims();
#else
  return description.dims();
#endif
}

inline dnnl::memory::data_type type_of(memory_desc const& description) {
#if DNNL_VERSION_MAJOR >= 3
  return description.get_data_type();
#else
  return description.data_type();
#endif
}

/// Without bias where `bias` is an empty description.
inline dnnl::matmul::primitive_desc matmul_description(memory_desc const& source, memory_desc const& weights,
                                                       memory_desc const& bias, memory_desc const& result,
                                                       dnnl::primitive_attr const& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return bias ? dnnl::matmul::primitive_desc(onednn_engine(), source, weights, bias, result, attributes)
              : dnnl::matmul::primitive_desc(onednn_engine(), source, weights, result, attributes);
#else
  auto const d = bias ? dnnl::matmul::desc(source, weights, bias, result) : dnnl::matmul::desc(source, weights, result);
  return {d, attributes, onednn_engine()};
#endif
}

/// Geometry of a convolution, one entry per spatial axis. `dilation` counts from 0 as oneDNN does.
struct convolution_geometry {
  memory_dims stride, dilation, pad_begin, pad_end;
};

/// Without bias where `bias` is an empty description.
inline dnnl::convolution_forward::primitive_desc convolution_forward_description(
    dnnl::prop_kind kind, dnnl::algorithm algorithm, memory_desc const& source, memory_desc const& weights,
    memory_desc const& bias, memory_desc const& result, convolution_geometry const& g,
    dnnl::primitive_attr const& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return bias ? dnnl::convolution_forward::primitive_desc(onednn_engine(), kind, algorithm, source, weights, bias,
                                                          result, g.stride, g.dilation, g.pad_begin, g.pad_end,
                                                          attributes)
              : dnnl::convolution_forward::primitive_desc(onednn_engine(), kind, algorithm, source, weights, result,
                                                          g.stride, g.dilation, g.pad_begin, g.pad_end, attributes);
#else
  using desc = dnnl::convolution_forward::desc;
  return {bias ? desc(kind, algorithm, source, weights, bias, result, g.stride, g.dilation, g.pad_begin, g.pad_end)
               : desc(kind, algorithm, source, weights, result, g.stride, g.dilation, g.pad_begin, g.pad_end),
          attributes, onednn_engine()};
#endif
}

inline dnnl::convolution_backward_data::primitive_desc convolution_backward_data_description(
    dnnl::algorithm algorithm, memory_desc const& dsource, memory_desc const& weights, memory_desc const& dresult,
    convolution_geometry const& g, dnnl::convolution_forward::primitive_desc const& hint,
    dnnl::primitive_attr const& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), algorithm,   dsource,   weights, dresult,   g.stride,
          g.dilation,      g.pad_begin, g.pad_end, hint,    attributes};
#else
  return {dnnl::convolution_backward_data::desc(algorithm, dsource, weights, dresult, g.stride, g.dilation, g.pad_begin,
                                                g.pad_end),
          attributes, onednn_engine(), hint};
#endif
}

/// Without dbias where `dbias` is an empty description.
inline dnnl::convolution_backward_weights::primitive_desc convolution_backward_weights_description(
    dnnl::algorithm algorithm, memory_desc const& source, memory_desc const& dweights, memory_desc const& dbias,
    memory_desc const& dresult, convolution_geometry const& g, dnnl::convolution_forward::primitive_desc const& hint,
    dnnl::primitive_attr const& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  using description = dnnl::convolution_backward_weights::primitive_desc;
  return dbias ? description(onednn_engine(), algorithm, source, dweights, dbias, dresult, g.stride, g.dilation,
                             g.pad_begin, g.pad_end, hint, attributes)
               : description(onednn_engine(), algorithm, source, dweights, dresult, g.stride, g.dilation, g.pad_begin,
                             g.pad_end, hint, attributes);
#else
  using desc = dnnl::convolution_backward_weights::desc;
  return {dbias ? desc(algorithm, source, dweights, dbias, dresult, g.stride, g.dilation, g.pad_begin, g.pad_end)
                : desc(algorithm, source, dweights, dresult, g.stride, g.dilation, g.pad_begin, g.pad_end),
          attributes, onednn_engine(), hint};
#endif
}

}  // namespace scale::cpu::detail
