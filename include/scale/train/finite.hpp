// SPDX-License-Identifier: Apache-2.0
#pragma once
// A training step that would spoil the parameters is refused: losses and gradients must be finite.

#include <scale/nn/parameters.hpp>
#include <scale/ops/largest_magnitude.hpp>
#include <scale/ops/transfer.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace scale {

/// Training met a number that is not finite, or would make one. Parameters and checkpoints are those of the step
/// before.
class divergence_error : public error {
 public:
  divergence_error(index_t step, std::string const& what)
      : error("step " + std::to_string(step) + " is refused: " + what +
              ". Lower the learning rate, or look for features that are not finite"),
        step_(step),
        what_(what) {}

  /// The step that was refused, counted from 1, and what was not finite.
  index_t step() const noexcept { return step_; }
  std::string const& reason() const noexcept { return what_; }

 private:
  index_t step_;
  std::string what_;
};

namespace detail {

/// O(n), without branches in the loop.
template <std::floating_point F>
bool all_finite(std::span<F const> values) {
  using bits = std::conditional_t<sizeof(F) == 8, std::uint64_t, std::uint32_t>;
  constexpr bits exponent = std::bit_cast<bits>(std::numeric_limits<F>::infinity());
  bits bad = 0;
  for (F const value : values) bad |= static_cast<bits>((std::bit_cast<bits>(value) & exponent) == exponent);
  return bad == 0;
}

/// Whether all values are below 2^63 (float) or 2^511 (double) in size: then their squares, of which AdamW keeps means,
/// are finite, and so is what it makes of them.
template <std::floating_point F>
bool all_below_limit(std::span<F const> values) {
  constexpr F limit = std::same_as<F, float> ? F(0x1p63) : F(0x1p511);
  bool good = true;
  for (F const value : values) good &= std::abs(value) < limit;  // false for NaN
  return good;
}

[[noreturn]] inline void throw_not_finite(index_t step, std::string const& what) {
  throw divergence_error(step, what + " is not finite");
}

}  // namespace detail

/// Throws divergence_error where a loss is not finite.
inline void require_finite(double loss, std::string_view name, index_t step) {
  if (!std::isfinite(loss)) detail::throw_not_finite(step, std::string(name));
}

namespace detail {

/// Values where the host can read them: in place, or brought into `host`.
template <floating F, backend B>
std::span<F const> on_host(B const& b, tensor_view<F const, 1, B> flat, std::vector<F>& host) {
  std::size_t const size = static_cast<std::size_t>(flat.size());
  if constexpr (host_backend<B>) return {flat.data_handle(), size};
  host.resize(size);
  download(b, flat, std::span<F>(host));
  return host;
}

template <class F>
std::span<F const> part_of(std::span<F const> all, parameter_entry const& entry) {
  return all.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
}

}  // namespace detail

/// Throws divergence_error naming the first parameter whose gradient is not finite, or so large that its square is not.
/// Reads all gradients once.
template <floating T, backend B>
void require_finite_gradients(B const& b, parameters<T, B>& params, index_t step) {
  std::vector<acc_t<T>> host;
  tensor_view<acc_t<T> const, 1, B> const flat = params.gradients();
  std::span<acc_t<T> const> const all = detail::on_host<acc_t<T>, B>(b, flat, host);
  if (detail::all_below_limit(all)) return;
  for (parameter_entry const& entry : params.table().entries()) {
    if (!detail::all_finite(detail::part_of(all, entry)))
      detail::throw_not_finite(step, "the gradient of " + entry.name);
    if (!detail::all_below_limit(detail::part_of(all, entry)))
      throw divergence_error(step, "the gradient of " + entry.name + " is so large that its square is not finite");
  }
}

/// Throws divergence_error naming the first parameter that is not finite itself, as losses and gradients need not show:
/// a unit that is switched off hides it. Reads all parameters once.
template <floating T, backend B>
void require_finite_parameters(B const& b, parameters<T, B>& params, index_t step) {
  std::vector<acc_t<T>> host;
  tensor_view<acc_t<T> const, 1, B> const flat = params.masters();
  std::span<acc_t<T> const> const all = detail::on_host<acc_t<T>, B>(b, flat, host);
  if (detail::all_finite(all)) return;
  for (parameter_entry const& entry : params.table().entries())
    if (!detail::all_finite(detail::part_of(all, entry))) detail::throw_not_finite(step, "parameter " + entry.name);
}

/// Says of a step's gradients and parameters whether it may be done. The numbers are looked at where they lie; two come
/// to the host.
template <floating T, backend B>
class finite_check {
 public:
  explicit finite_check(B const& b) : largest_(b, shape{index_t{2}}) {}

  /// Throws as require_finite_gradients and require_finite_parameters do.
  void require(B const& b, parameters<T, B>& params, index_t step) {
    tensor_view<acc_t<T>, 1, B> const largest = largest_.view();
    largest_magnitude(b, params.gradients(), {.y = largest.rows(0, 1)});
    largest_magnitude(b, params.masters(), {.y = largest.rows(1, 1)});
    std::array<acc_t<T>, 2> host{};
    download(b, largest, std::span<acc_t<T>>(host));
    if (detail::all_below_limit(std::span<acc_t<T> const>(host).first(1)) && std::isfinite(host[1])) return;
    require_finite_gradients(b, params, step);
    require_finite_parameters(b, params, step);
  }

 private:
  tensor<acc_t<T>, 1, B> largest_;
};

/// The name of the first tensor of `all` with a number that is not finite; empty where there is none.
template <floating F>
std::string first_not_finite(host_parameters<F> const& all) {
  for (auto const& [name, p] : all)
    if (!detail::all_finite(std::span<F const>(p.values))) return name;
  return {};
}

}  // namespace scale
