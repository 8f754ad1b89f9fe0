// SPDX-License-Identifier: Apache-2.0
#pragma once
// All launchers at once: SCALE_CUDA_INSTANTIATE(T) for an element type, SCALE_CUDA_INSTANTIATE_COMMON() for those that
// know none. Once per program.

#include <scale/cuda/copy.cuh>
#include <scale/cuda/detail/product.cuh>
#include <scale/cuda/dropout.cuh>
#include <scale/cuda/elementwise_product.cuh>
#include <scale/cuda/fill.cuh>
#include <scale/cuda/gelu.cuh>
#include <scale/cuda/gelu_dropout.cuh>
#include <scale/cuda/layer_norm.cuh>
#include <scale/cuda/linear.cuh>
#include <scale/cuda/relu.cuh>
#include <scale/cuda/relu6.cuh>

#define SCALE_CUDA_INSTANTIATE_COMMON() SCALE_CUDA_INSTANTIATE_FILL()

#define SCALE_CUDA_INSTANTIATE(T)               \
  SCALE_CUDA_INSTANTIATE_COPY(T)                \
  SCALE_CUDA_INSTANTIATE_DROPOUT(T)             \
  SCALE_CUDA_INSTANTIATE_ELEMENTWISE_PRODUCT(T) \
  SCALE_CUDA_INSTANTIATE_GELU(T)                \
  SCALE_CUDA_INSTANTIATE_GELU_DROPOUT(T)        \
  SCALE_CUDA_INSTANTIATE_LAYER_NORM(T)          \
  SCALE_CUDA_INSTANTIATE_LINEAR(T)              \
  SCALE_CUDA_INSTANTIATE_PRODUCT(T)             \
  SCALE_CUDA_INSTANTIATE_RELU(T)                \
  SCALE_CUDA_INSTANTIATE_RELU6(T)
