// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a caller may watch of a transformer's forward pass.

namespace scale {

/// Watches nothing. A watcher is called as stages(name, rows) after each stage of each clip, in order: the name is a
/// std::string_view, the rows a tensor_view [tokens, width] that is valid during the call.
struct no_vit_stages {
  template <class... A>
  void operator()(A const&...) const {}
};

}  // namespace scale
