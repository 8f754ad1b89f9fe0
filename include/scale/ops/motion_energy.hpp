// SPDX-License-Identifier: Apache-2.0
#pragma once
// Motion energy of video clips, a closed-form feature without weights: contract of motion_energy.

#include <scale/core/tensor.hpp>
#include <scale/ops/motion_energy/filters.hpp>
#include <scale/ops/motion_energy/layout.hpp>

#include <type_traits>

namespace scale {

/// Oriented spatio-temporal energy of clips x [n, 3, t, h, w], RGB in [0, 1], contiguous, t >= 2, h and w >= 16
/// (Adelson and Bergen 1985). In steps:
/// 1. every channel of a frame is averaged by area onto 64 x 64 places; luma = .299 R + .587 G + .114 B;
/// 2. luma of scale 0, its 2 x 2 means, and theirs, each pass a separable complex Gabor filter of wavelength 6 places
///    at four orientations, edges repeated: S = sum over d of (even + i odd)(d) L(p + d);
/// 3. in time, ends repeated, between frames: A = even * S, B = odd * S for each speed, C = low pass * S;
///    M = |A|^2 + |B|^2, P = 2 Im(conj(A) B), positive where the pattern moves along the wave vector, Z = 2 |C|^2;
/// 4. M, P, Z summed over 8 x 8 places of the frame and over either half of the time;
/// 5. ratios of these sums: see motion_energy_kind, describe_motion_energy.
/// A constant added to all pixels changes nothing; a still clip has M = P = 0; mirroring left to right turns the sign
/// of orientation 0 and swaps 45 and 135 degrees; reversing time turns the sign of every P and swaps the bins.
template <class T, backend B>
struct motion_energy_args {
  tensor_view<T, 2, B> y;                    // rows [n, motion_energy_width]  =
  tensor_view<stat_t<T>, 2, B> workspace{};  // rows [lanes, motion_energy_workspace(t, h, w)], lanes >= 1 clips are
                                             // worked on side by side at most; contents are lost
};

/// Numbers of workspace that one clip of t frames of h x w needs, on any backend.
constexpr index_t motion_energy_workspace(index_t t, index_t h, index_t w) {
  constexpr index_t grid = motion_energy_size::grid;
  // 3 channels, 5 planes of row-filtered luma, a row of responses, two rows of averages; sums and slack
  return t * (8 * grid * grid + 8 * grid) + 3 * w + 2 * (h + w) + 16 * 1024;
}

namespace detail::motion_energy_cpo {

void motion_energy() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  motion_energy(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<motion_energy_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "motion_energy";
    tensor_view<element_t<X> const, 5, B> const x = x_;
    index_t const n = x.extent(0), t = x.extent(2), h = x.extent(3), w = x.extent(4);
    expect_shape(op, "x", x, shape<5>{{n, 3, t, h, w}}, at);
    expect_contiguous(op, "x", x, at);
    if (t < 2 || h < 16 || w < 16)
      throw_expected(op, "x shape", "at least 2 frames of 16 x 16", to_string(x.extents()), at);
    expect_shape(op, "y", a.y, shape{n, motion_energy_width}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_row_contiguous(op, "workspace", a.workspace, at);
    index_t const needed = motion_energy_workspace(t, h, w);
    if (n > 0 && (!a.workspace.has_data() || a.workspace.extent(0) < 1 || a.workspace.extent(1) < needed))
      throw_expected(op, "workspace shape", "at least [1, " + std::to_string(needed) + "]",
                     to_string(a.workspace.extents()), at);
    if constexpr (on<B, decltype(x), motion_energy_args<element_t<X>, B>>)
      motion_energy(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "motion_energy: this backend has no overload for this element type; include <scale/NAME.hpp> of "
                    "the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::motion_energy_cpo

inline constexpr detail::motion_energy_cpo::fn motion_energy{};

}  // namespace scale
