// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the kernels of the CUDA backend, for nvcc.

#include <scale/cuda/fill.cuh>
#include <scale/cuda/layer_norm.cuh>
