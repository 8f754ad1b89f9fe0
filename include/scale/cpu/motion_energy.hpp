// SPDX-License-Identifier: Apache-2.0
#pragma once
// Motion energy on the CPU: separable filters, row by row, compiled for several instruction sets; a thread per clip.

#include <scale/cpu/context.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/motion_energy_numbers.hpp>

namespace scale::cpu {

namespace detail {

/// One clip [3, t, h, w] to `put(index, value)`; `workspace` as in the contract.
template <class S, int Lanes, class T, class Put>
SCALE_ALWAYS_INLINE void motion_energy_clip(T const* clip, index_t t, index_t h, index_t w, S* workspace,
                                            motion_energy_taps<S> const& taps, Put const& put) {
  using size = motion_energy_size;
  motion_energy_scratch<S> const scratch(workspace, t, w);
  motion_energy_average<S, Lanes>(clip, t, h, w, scratch);
  motion_energy_look(scratch, t, put);
  index_t const per_bin = make_motion_energy_times(t).half;
  index_t side = size::grid;
  motion_energy_cells<S> cells;
  S pattern[size::orientations] = {};
  for (int scale = 0; scale < size::scales; ++scale, side /= 2) {
    motion_energy_scale<S, Lanes>(scratch, t, side, taps, cells);
    motion_energy_ratios(cells, scale, static_cast<S>(side * side * per_bin), pattern, put);
    motion_energy_halve(scratch.luma, t, side);
  }
  for (int o = 0; o < size::orientations; ++o) put(motion_energy_layout::pattern_share + o, pattern[o]);
}

template <class S, class T, class Put>
void motion_energy_clip_base(T const* clip, index_t t, index_t h, index_t w, S* workspace,
                             motion_energy_taps<S> const& taps, Put const& put) {
  motion_energy_clip<S, static_cast<int>(16 / sizeof(S))>(clip, t, h, w, workspace, taps, put);
}

#if defined(__x86_64__)
template <class S, class T, class Put>
__attribute__((target("avx2,fma"))) void motion_energy_clip_avx2(T const* clip, index_t t, index_t h, index_t w,
                                                                 S* workspace, motion_energy_taps<S> const& taps,
                                                                 Put const& put) {
  motion_energy_clip<S, static_cast<int>(32 / sizeof(S))>(clip, t, h, w, workspace, taps, put);
}
#endif

}  // namespace detail

template <floating T>
void motion_energy(context const& ctx, tensor_view<T const, 5, context> x, motion_energy_args<T, context> const& a) {
  using S = stat_t<T>;
  index_t const n = x.extent(0), t = x.extent(2), h = x.extent(3), w = x.extent(4);
  if (n == 0) return;
  motion_energy_taps<S> const taps(make_motion_energy_filters());
  int const threads = static_cast<int>((std::min)({index_t{ctx.threads()}, n, a.workspace.extent(0)}));
#if defined(__x86_64__)
  bool const avx2 = detail::best_instruction_set() != detail::instruction_set::baseline;
#endif
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int lane = 0; lane < threads; ++lane) {
    S* const workspace = a.workspace.data_handle() + lane * a.workspace.stride(0);
    for (index_t clip = lane; clip < n; clip += threads) {
      T const* const in = x.data_handle() + clip * x.stride(0);
      T* const out = a.y.data_handle() + clip * a.y.stride(0);
      auto const put = [out](int index, S value) { out[index] = T(value); };
#if defined(__x86_64__)
      if (avx2) {
        detail::motion_energy_clip_avx2(in, t, h, w, workspace, taps, put);
        continue;
      }
#endif
      detail::motion_energy_clip_base(in, t, h, w, workspace, taps, put);
    }
  }
}

}  // namespace scale::cpu
