// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether an output is replaced or added to, where an operator lets the caller choose.

namespace scale {

enum class write_mode {
  assign,      // =
  accumulate,  // +=
};

}  // namespace scale
