// SPDX-License-Identifier: Apache-2.0
#pragma once
// AdamW over a whole network: its moments and step count, decay only where the parameter table says so.

#include <scale/core/tensor.hpp>
#include <scale/nn/parameters.hpp>
#include <scale/ops/adamw.hpp>
#include <scale/ops/fill.hpp>

#include <concepts>
#include <cstdint>
#include <string>

namespace scale {

struct adamw_config {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-4;
};

/// Owns both moments, laid out as the parameters.
template <floating T, backend B>
class adamw {
 public:
  using moment_type = acc_t<T>;

  adamw(B const& b, parameters<T, B> const& p, adamw_config const& config, location at = location::current())
      : config_(config), first_(b, shape{p.table().size()}, at), second_(b, shape{p.table().size()}, at) {
    fill(b, first_, 0, at);
    fill(b, second_, 0, at);
  }

  /// One update with the parameters' gradients; counts itself. A rate of 0 still moves the moments.
  void step(B const& b, parameters<T, B>& p, double lr, location at = location::current()) {
    if (p.table().size() != first_.size())
      throw_expected("adamw", "parameters, elements", std::to_string(first_.size()), std::to_string(p.table().size()),
                     at);
    (void)p.gradients(at);  // refused before anything changes
    ++steps_;
    index_t const decayed = p.table().decayed();
    update(b, p, lr, config_.weight_decay, 0, decayed);
    update(b, p, lr, 0, decayed, p.table().size() - decayed);
  }

  /// Steps done; set on resuming.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps, location at = location::current()) {
    if (steps < 0) throw_expected("adamw", "steps", "at least 0", std::to_string(steps), at);
    steps_ = steps;
  }

  /// For checkpoints: see export_flat and import_flat.
  tensor_view<moment_type, 1, B> first_moments() { return first_; }
  tensor_view<moment_type, 1, B> second_moments() { return second_; }
  tensor_view<moment_type const, 1, B> first_moments() const { return first_; }
  tensor_view<moment_type const, 1, B> second_moments() const { return second_; }

 private:
  void update(B const& b, parameters<T, B>& p, double lr, double decay, index_t begin, index_t count) {
    tensor_view<T, 1, B> rounded;
    if constexpr (!std::same_as<T, moment_type>) rounded = p.values().rows(begin, count);
    adamw_step(b, tensor_view<moment_type const, 1, B>(p.gradients().rows(begin, count)),
               adamw_args<T, B>{.param = p.masters().rows(begin, count),
                                .m = first_.view().rows(begin, count),
                                .v = second_.view().rows(begin, count),
                                .rounded = rounded,
                                .lr = lr,
                                .beta1 = config_.beta1,
                                .beta2 = config_.beta2,
                                .eps = config_.eps,
                                .weight_decay = decay,
                                .step = steps_});
  }

  adamw_config config_;
  tensor<moment_type, 1, B> first_, second_;
  std::int64_t steps_ = 0;
};

}  // namespace scale
