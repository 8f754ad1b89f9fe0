// SPDX-License-Identifier: Apache-2.0
#pragma once
// A training step that would spoil the parameters is refused: losses and gradients must be finite.

#include <scale/nn/parameters.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Training met a loss or gradient that is not finite. Parameters and checkpoints are those of the step before.
class divergence_error : public error {
 public:
  using error::error;
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

[[noreturn]] inline void throw_divergence(index_t step, std::string const& what) {
  throw divergence_error("step " + std::to_string(step) + " is refused: " + what +
                         " is not finite. Lower the learning rate, or look for features that are not finite");
}

}  // namespace detail

/// Throws divergence_error where a loss is not finite.
inline void require_finite(double loss, std::string_view name, index_t step) {
  if (!std::isfinite(loss)) detail::throw_divergence(step, std::string(name));
}

/// Throws divergence_error naming the first parameter whose gradient is not finite. Reads all gradients once.
template <floating T, backend B>
void require_finite_gradients(B const& b, parameters<T, B>& params, index_t step) {
  using gradient = acc_t<T>;
  tensor_view<gradient const, 1, B> const flat = params.gradients();
  std::vector<gradient> host;
  std::span<gradient const> all;
  if constexpr (host_backend<B>) {
    all = {flat.data_handle(), static_cast<std::size_t>(flat.size())};
  } else {
    host.resize(static_cast<std::size_t>(flat.size()));
    download(b, flat, std::span<gradient>(host));
    all = host;
  }
  if (detail::all_finite(all)) return;
  for (parameter_entry const& entry : params.table().entries())
    if (!detail::all_finite(all.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size))))
      detail::throw_divergence(step, "the gradient of " + entry.name);
}

}  // namespace scale
