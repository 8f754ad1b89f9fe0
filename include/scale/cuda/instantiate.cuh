// SPDX-License-Identifier: Apache-2.0
#pragma once
// All launchers at once: SCALE_CUDA_INSTANTIATE(T) for an element type, SCALE_CUDA_INSTANTIATE_COMMON() for those that
// know none. Once per program.

#include <scale/cuda/fill.cuh>
#include <scale/cuda/layer_norm.cuh>

#define SCALE_CUDA_INSTANTIATE_COMMON() SCALE_CUDA_INSTANTIATE_FILL()

#define SCALE_CUDA_INSTANTIATE(T) SCALE_CUDA_INSTANTIATE_LAYER_NORM(T)
