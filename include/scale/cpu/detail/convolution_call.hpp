// SPDX-License-Identifier: Apache-2.0
#pragma once
// Descriptions of views for oneDNN's convolutions, and moving weights between layouts.

#include <scale/core/tensor_view.hpp>
#include <scale/cpu/context.hpp>
#include <scale/cpu/detail/onednn_compat.hpp>

#include <cstddef>
#include <type_traits>

namespace scale::cpu::detail {

/// oneDNN's handles know no const; what is only read is not written.
template <class T, int Rank>
void* handle(tensor_view<T, Rank, context> const& v) {
  return const_cast<std::remove_const_t<T>*>(v.data_handle());
}

/// Whether the channels of a place lie side by side, as in channels-last tensors.
template <class T, int Rank>
bool channels_together(tensor_view<T, Rank, context> const& v) {
  return v.extent(1) > 1 ? v.stride(1) == 1 : v.stride(Rank - 1) != 1;
}

/// The view's shape and strides. Strides along extents of 1 mean nothing in a view, but oneDNN compares them: they
/// become those of the channels-last or row-major tensor that the other axes agree with.
template <class T, int Rank>
memory_desc describe(tensor_view<T, Rank, context> const& v) {
  memory_dims dims, strides;
  int order[5] = {};  // innermost first; the first Rank count
  bool const channels_last = channels_together(v);
  int next = 0;
  if (channels_last) order[next++] = 1;
  for (int axis = Rank - 1; axis > 1; --axis) order[next++] = axis;
  if (!channels_last) order[next++] = 1;
  order[next] = 0;
  for (int axis = 0; axis < Rank; ++axis) {
    dims.push_back(v.extent(axis));
    strides.push_back(v.stride(axis));
  }
  index_t expected = 1;
  for (int i = 0; i < Rank; ++i) {
    std::size_t const at = static_cast<std::size_t>(order[i]);
    if (dims[at] == 1) strides[at] = expected;
    expected = strides[at] * dims[at];
  }
  return {dims, onednn_type<T>, strides};
}

/// A dense channels-last tensor of this shape.
template <class T, int Rank>
memory_desc channels_last(shape<Rank> const& s) {
  memory_dims dims(static_cast<std::size_t>(Rank)), strides(dims);
  for (int axis = 0; axis < Rank; ++axis) dims[static_cast<std::size_t>(axis)] = s[axis];
  strides[1] = 1;
  index_t inside = s[1];
  for (int axis = Rank - 1; axis > 1; --axis) {
    strides[static_cast<std::size_t>(axis)] = inside;
    inside *= s[axis];
  }
  strides[0] = inside;
  return {dims, onednn_type<T>, strides};
}

/// Contiguous weights [o, c / groups, kernel...], with the groups in front where there are several; or their gradient,
/// which has another type.
template <class T, int Rank>
memory_desc describe_weight(tensor_view<T, Rank, context> const& weight, index_t groups,
                            dnnl::memory::data_type type = onednn_type<T>) {
  memory_dims dims;
  if (groups > 1) dims.push_back(groups);
  for (int axis = 0; axis < Rank; ++axis) dims.push_back(axis == 0 ? weight.extent(0) / groups : weight.extent(axis));
  memory_dims strides(dims.size(), 1);
  for (std::size_t axis = dims.size() - 1; axis > 0; --axis) strides[axis - 1] = strides[axis] * dims[axis];
  return {dims, type, strides};
}

/// Empty where there is no bias.
template <class T>
memory_desc describe_bias(tensor_view<T, 1, context> const& bias) {
  if (!bias.has_data()) return {};
  return {{bias.extent(0)}, onednn_type<T>, dnnl::memory::format_tag::a};
}

/// The same shape in whatever layout oneDNN likes best.
inline memory_desc any_layout(memory_desc const& given) {
  return {dims_of(given), type_of(given), dnnl::memory::format_tag::any};
}

template <class Args>
convolution_geometry geometry_of(Args const& a) {
  convolution_geometry g;
  for (std::size_t axis = 0; axis < Args::axes; ++axis) {
    g.stride.push_back(a.stride[axis]);
    g.dilation.push_back(0);
    g.pad_begin.push_back(a.pad_begin[axis]);
    g.pad_end.push_back(a.pad_end[axis]);
  }
  return g;
}

/// Copies from one layout to another.
inline void reorder(dnnl::memory const& from, dnnl::memory const& to) {
  dnnl::memory source = from, target = to;  // handles; oneDNN asks for some that are not const
  dnnl::reorder(source, target).execute(onednn_stream(), source, target);
  onednn_stream().wait();
}

/// `source` itself where its layout is `wanted`, else a copy.
inline dnnl::memory reordered(dnnl::memory const& source, memory_desc const& wanted) {
  if (source.get_desc() == wanted) return source;
  dnnl::memory result(wanted, onednn_engine());
  reorder(source, result);
  return result;
}

/// 0 everywhere, strides of any kind.
template <class T, int Rank>
void set_zero(tensor_view<T, Rank, context> const& v) {
  for (index_t i = 0; i < v.size(); ++i) {
    index_t offset = 0, rest = i;
    for (int axis = Rank - 1; axis >= 0; --axis) {
      offset += rest % v.extent(axis) * v.stride(axis);
      rest /= v.extent(axis);
    }
    v.data_handle()[offset] = T(0);
  }
}

/// sum[i] += values[i] for n contiguous floats.
inline void add_to(dnnl::memory const& values, float* sum, index_t n) {
  float const* const from = static_cast<float const*>(values.get_data_handle());
#pragma omp simd
  for (index_t i = 0; i < n; ++i) sum[i] += from[i];
}

}  // namespace scale::cpu::detail
