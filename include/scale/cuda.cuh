// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the kernels of the CUDA backend, for nvcc.

#include <scale/cuda/adamw.cuh>
#include <scale/cuda/assemble_tokens.cuh>
#include <scale/cuda/attention.cuh>
#include <scale/cuda/batch_norm.cuh>
#include <scale/cuda/convolution.cuh>
#include <scale/cuda/copy.cuh>
#include <scale/cuda/cross_entropy.cuh>
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
