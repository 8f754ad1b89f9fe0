// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a CUDA context computes.

namespace scale::cuda {

/// How products of float matrices are computed. bf16 is always multiplied exactly and summed in float.
enum class matmul_precision {
  f32,   // float throughout
  tf32,  // factors rounded to 10 bits of fraction, summed in float: tensor cores
};

enum class launch_checks {
  none,  // a fault of a kernel is reported by the next call that waits for the device
  each,  // every operator waits for its kernels, so that a fault names it: slow, for finding errors
};

struct context_options {
  int device = 0;
  matmul_precision matmul = matmul_precision::f32;
  launch_checks checks = launch_checks::none;
};

}  // namespace scale::cuda
