// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the CUDA backend, for host code. Its kernels are compiled by scale_add_cuda_kernels().

#include <scale/cuda/context.hpp>
#include <scale/cuda/copy.hpp>
#include <scale/cuda/dropout.hpp>
#include <scale/cuda/element.hpp>
#include <scale/cuda/elementwise_product.hpp>
#include <scale/cuda/fill.hpp>
#include <scale/cuda/gelu.hpp>
#include <scale/cuda/gelu_dropout.hpp>
#include <scale/cuda/layer_norm.hpp>
#include <scale/cuda/linear.hpp>
#include <scale/cuda/matmul.hpp>
#include <scale/cuda/options.hpp>
#include <scale/cuda/pinned.hpp>
#include <scale/cuda/relu.hpp>
#include <scale/cuda/relu6.hpp>
#include <scale/cuda/transfer.hpp>
