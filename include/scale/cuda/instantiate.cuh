// SPDX-License-Identifier: Apache-2.0
#pragma once
// All launchers at once: SCALE_CUDA_INSTANTIATE(T) for an element type, SCALE_CUDA_INSTANTIATE_COMMON() for those that
// know none. Once per program.

#include <scale/cuda/adamw.cuh>
#include <scale/cuda/assemble_tokens.cuh>
#include <scale/cuda/attention.cuh>
#include <scale/cuda/batch_norm.cuh>
#include <scale/cuda/convolution.cuh>
#include <scale/cuda/copy.cuh>
#include <scale/cuda/cross_entropy.cuh>
#include <scale/cuda/detail/product.cuh>
#include <scale/cuda/dropout.cuh>
#include <scale/cuda/elementwise_product.cuh>
#include <scale/cuda/fill.cuh>
#include <scale/cuda/frame_pool.cuh>
#include <scale/cuda/gather_clips.cuh>
#include <scale/cuda/gather_rows.cuh>
#include <scale/cuda/gelu.cuh>
#include <scale/cuda/gelu_dropout.cuh>
#include <scale/cuda/group_mean.cuh>
#include <scale/cuda/info_nce.cuh>
#include <scale/cuda/l2_normalize.cuh>
#include <scale/cuda/largest_magnitude.cuh>
#include <scale/cuda/layer_norm.cuh>
#include <scale/cuda/linear.cuh>
#include <scale/cuda/max_pool.cuh>
#include <scale/cuda/mean_pool.cuh>
#include <scale/cuda/motion_energy.cuh>
#include <scale/cuda/packed_linear.cuh>
#include <scale/cuda/patch_rows.cuh>
#include <scale/cuda/relu.cuh>
#include <scale/cuda/relu6.cuh>
#include <scale/cuda/rotary.cuh>
#include <scale/cuda/softmax.cuh>
#include <scale/cuda/symmetric_info_nce.cuh>
#include <scale/cuda/top_k.cuh>
#include <scale/cuda/trilinear_resize.cuh>

#define SCALE_CUDA_INSTANTIATE_COMMON() \
  SCALE_CUDA_INSTANTIATE_COPY(double)   \
  SCALE_CUDA_INSTANTIATE_FILL()         \
  SCALE_CUDA_INSTANTIATE_LARGEST_MAGNITUDE()

#define SCALE_CUDA_INSTANTIATE(T)               \
  SCALE_CUDA_INSTANTIATE_ADAMW(T)               \
  SCALE_CUDA_INSTANTIATE_ASSEMBLE_TOKENS(T)     \
  SCALE_CUDA_INSTANTIATE_ATTENTION(T)           \
  SCALE_CUDA_INSTANTIATE_BATCH_NORM(T)          \
  SCALE_CUDA_INSTANTIATE_CONVOLUTION(T)         \
  SCALE_CUDA_INSTANTIATE_COPY(T)                \
  SCALE_CUDA_INSTANTIATE_CROSS_ENTROPY(T)       \
  SCALE_CUDA_INSTANTIATE_DROPOUT(T)             \
  SCALE_CUDA_INSTANTIATE_ELEMENTWISE_PRODUCT(T) \
  SCALE_CUDA_INSTANTIATE_FRAME_POOL(T)          \
  SCALE_CUDA_INSTANTIATE_GATHER_CLIPS(T)        \
  SCALE_CUDA_INSTANTIATE_GATHER_ROWS(T)         \
  SCALE_CUDA_INSTANTIATE_GELU(T)                \
  SCALE_CUDA_INSTANTIATE_GELU_DROPOUT(T)        \
  SCALE_CUDA_INSTANTIATE_GROUP_MEAN(T)          \
  SCALE_CUDA_INSTANTIATE_INFO_NCE(T)            \
  SCALE_CUDA_INSTANTIATE_L2_NORMALIZE(T)        \
  SCALE_CUDA_INSTANTIATE_LAYER_NORM(T)          \
  SCALE_CUDA_INSTANTIATE_LINEAR(T)              \
  SCALE_CUDA_INSTANTIATE_MAX_POOL(T)            \
  SCALE_CUDA_INSTANTIATE_MEAN_POOL(T)           \
  SCALE_CUDA_INSTANTIATE_MOTION_ENERGY(T)       \
  SCALE_CUDA_INSTANTIATE_PACKED_LINEAR(T)       \
  SCALE_CUDA_INSTANTIATE_PATCH_ROWS(T)          \
  SCALE_CUDA_INSTANTIATE_PRODUCT(T)             \
  SCALE_CUDA_INSTANTIATE_RELU(T)                \
  SCALE_CUDA_INSTANTIATE_RELU6(T)               \
  SCALE_CUDA_INSTANTIATE_ROTARY(T)              \
  SCALE_CUDA_INSTANTIATE_SOFTMAX(T)             \
  SCALE_CUDA_INSTANTIATE_SYMMETRIC_INFO_NCE(T)  \
  SCALE_CUDA_INSTANTIATE_TOP_K(T)               \
  SCALE_CUDA_INSTANTIATE_TRILINEAR_RESIZE(T)
