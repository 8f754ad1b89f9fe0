// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gathering of clips from a feature store on the CPU: one vectorised pass, conversion included.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/gather_clips.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace scale::cpu {

namespace detail {

/// The stored value in T. f16 without branches, so that loops vectorise; equal to the conversion in core.
template <class T, class S>
SCALE_ALWAYS_INLINE T stored_value(S value) {
  if constexpr (std::same_as<S, f16>) {
    std::uint32_t const magnitude = static_cast<std::uint32_t>(value.bits & 0x7fffu) << 13;
    std::uint32_t const sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
    std::uint32_t const finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
    std::uint32_t const bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : finite;  // infinity and NaN
    return static_cast<T>(std::bit_cast<float>(bits | sign));
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace detail

template <storable S, cpu_float T>
void gather_clips(context const& c, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                  gather_clips_args<T, context> const& a) {
  index_t const clips = store.extent(1), d = store.extent(2), v = a.clip.extent(1);
  auto const row = [&, clips, d, v](index_t r) {
    index_t const video = a.video(r / v), clip = a.clip.data_handle()[r];
    S const* const from = store.data_handle() + (video * clips + clip) * d;
    T const* const mean = a.mean.has_data() ? a.mean.data_handle() + video * d : nullptr;
    T const* const scale = a.inverse_scale.data_handle();
    T* const to = y.data_handle() + r * y.stride(0);
#pragma omp simd
    for (index_t j = 0; j < d; ++j) to[j] = detail::stored_value<T>(from[j]);
    if (mean != nullptr) {
#pragma omp simd
      for (index_t j = 0; j < d; ++j) to[j] -= mean[j];
    }
    if (scale != nullptr) {
#pragma omp simd
      for (index_t j = 0; j < d; ++j) to[j] *= scale[j];
    }
  };
  detail::parallel_for(c, y.extent(0), detail::grain_for(d * index_t{sizeof(S) + sizeof(T)}),
                       [&](index_t begin, index_t end) {
                         detail::simd_dispatch([&] {
                           for (index_t r = begin; r < end; ++r) row(r);
                         });
                       });
}

}  // namespace scale::cpu
