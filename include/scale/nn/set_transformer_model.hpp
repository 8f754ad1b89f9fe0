// SPDX-License-Identifier: Apache-2.0
#pragma once
// A set transformer's configuration together with its parameters.

#include <scale/nn/parameters.hpp>
#include <scale/nn/set_transformer_config.hpp>

#include <cstdint>

namespace scale {

/// Move-only. Gradients exist once something asks for them: an encoder for inference takes parameters alone.
template <floating T, backend B>
class set_transformer_model {
 public:
  /// Parameters at their start values for `seed`. Throws argument_error for a configuration that cannot be.
  set_transformer_model(B const& b, set_transformer_config const& config, std::uint64_t seed,
                        location at = location::current())
      : config_(config), parameters_(b, parameter_table(set_transformer_parameters(config, at)), at) {
    parameters_.initialise(b, seed);
  }

  set_transformer_config const& config() const { return config_; }
  scale::parameters<T, B>& parameters() { return parameters_; }
  scale::parameters<T, B> const& parameters() const { return parameters_; }

 private:
  set_transformer_config config_;
  scale::parameters<T, B> parameters_;
};

/// The model of pre-training: heads and mask token present.
template <floating T, backend B>
using pretraining_model = set_transformer_model<T, B>;

}  // namespace scale
