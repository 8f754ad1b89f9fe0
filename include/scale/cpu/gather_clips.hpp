// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gathering of clips from a feature store on the CPU: one vectorised pass, conversion included.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/gather_clips.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace scale::cpu {

namespace detail {

/// The stored value in float. f16 without branches, so that loops vectorise; equal to the conversion in core.
template <class S>
SCALE_ALWAYS_INLINE float stored_value(S value) {
  if constexpr (std::same_as<S, f16>) {
    std::uint32_t const magnitude = static_cast<std::uint32_t>(value.bits & 0x7fffu) << 13;
    std::uint32_t const sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
    std::uint32_t const finite = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
    std::uint32_t const bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : finite;  // infinity and NaN
    return std::bit_cast<float>(bits | sign);
  } else {
    return static_cast<float>(value);
  }
}

}  // namespace detail

template <storable S, cpu_element T>
void gather_clips(context const& c, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                  gather_clips_args<T, context> const& a) {
  index_t const clips = store.extent(1), d = store.extent(2), v = a.clip.extent(1);
  auto const row = [&, clips, d, v](index_t r) {
    index_t const video = a.video(r / v), clip = a.clip.data_handle()[r];
    S const* const from = store.data_handle() + (video * clips + clip) * d;
    float const* const mean = a.mean.has_data() ? a.mean.data_handle() + video * d : nullptr;
    float const* const scale = a.inverse_scale.data_handle();
    T* const to = y.data_handle() + r * y.stride(0);
    auto const convert = [=](auto const& centred, auto const& scaled) {
#pragma omp simd
      for (index_t j = 0; j < d; ++j) detail::round_to(to[j], scaled(j, centred(j, detail::stored_value(from[j]))));
    };
    auto const as_it_is = [](index_t, float value) { return value; };
    auto const centred = [mean](index_t j, float value) { return value - mean[j]; };
    auto const scaled = [scale](index_t j, float value) { return value * scale[j]; };
    if (mean == nullptr && scale == nullptr) convert(as_it_is, as_it_is);
    if (mean != nullptr && scale == nullptr) convert(centred, as_it_is);
    if (mean == nullptr && scale != nullptr) convert(as_it_is, scaled);
    if (mean != nullptr && scale != nullptr) convert(centred, scaled);
  };
  detail::parallel_for(c, y.extent(0), detail::grain_for(d * index_t{sizeof(S) + sizeof(T)}),
                       [&](index_t begin, index_t end) {
                         detail::simd_dispatch([&] {
                           for (index_t r = begin; r < end; ++r) row(r);
                         });
                       });
}

}  // namespace scale::cpu
