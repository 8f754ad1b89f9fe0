// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the CUDA backend, for host code. Its kernels are compiled by scale_add_cuda_kernels().

#include <scale/cuda/adamw.hpp>
#include <scale/cuda/assemble_tokens.hpp>
#include <scale/cuda/attention.hpp>
#include <scale/cuda/batch_norm.hpp>
#include <scale/cuda/context.hpp>
#include <scale/cuda/copy.hpp>
#include <scale/cuda/cross_entropy.hpp>
#include <scale/cuda/devices.hpp>
#include <scale/cuda/dropout.hpp>
#include <scale/cuda/element.hpp>
#include <scale/cuda/elementwise_product.hpp>
#include <scale/cuda/fill.hpp>
#include <scale/cuda/gather_clips.hpp>
#include <scale/cuda/gather_rows.hpp>
#include <scale/cuda/gelu.hpp>
#include <scale/cuda/gelu_dropout.hpp>
#include <scale/cuda/group_mean.hpp>
#include <scale/cuda/info_nce.hpp>
#include <scale/cuda/l2_normalize.hpp>
#include <scale/cuda/largest_magnitude.hpp>
#include <scale/cuda/layer_norm.hpp>
#include <scale/cuda/linear.hpp>
#include <scale/cuda/matmul.hpp>
#include <scale/cuda/mean_pool.hpp>
#include <scale/cuda/options.hpp>
#include <scale/cuda/pinned.hpp>
#include <scale/cuda/relu.hpp>
#include <scale/cuda/relu6.hpp>
#include <scale/cuda/softmax.hpp>
#include <scale/cuda/symmetric_info_nce.hpp>
#include <scale/cuda/top_k.hpp>
#include <scale/cuda/transfer.hpp>
