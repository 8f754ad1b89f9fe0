// SPDX-License-Identifier: Apache-2.0
#pragma once
// The element-wise functions that linear layers and convolutions apply to their result in the same pass.

namespace scale {

enum class activation {
  none,
  relu,   // max(x, 0)
  relu6,  // min(max(x, 0), 6)
  gelu,   // exact: x / 2 * (1 + erf(x / sqrt(2)))
};

}  // namespace scale
