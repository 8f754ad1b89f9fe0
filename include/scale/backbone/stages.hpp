// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a caller may give a backbone's forward to look at the activations between its layers.

namespace scale {

/// Does nothing with a stage.
struct ignore_stages {
  template <class... A>
  void operator()(A const&...) const {}
};

}  // namespace scale
