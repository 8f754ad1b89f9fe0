// SPDX-License-Identifier: Apache-2.0
// All kernels, compiled for the host.

#include <scale/cuda/instantiate.cuh>

SCALE_CUDA_INSTANTIATE_COMMON()
SCALE_CUDA_INSTANTIATE(float)
SCALE_CUDA_INSTANTIATE(scale::bf16)
