// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the kernels of the CUDA backend, for nvcc.

#include <scale/cuda/copy.cuh>
#include <scale/cuda/dropout.cuh>
#include <scale/cuda/elementwise_product.cuh>
#include <scale/cuda/fill.cuh>
#include <scale/cuda/gelu.cuh>
#include <scale/cuda/gelu_dropout.cuh>
#include <scale/cuda/layer_norm.cuh>
#include <scale/cuda/linear.cuh>
#include <scale/cuda/relu.cuh>
#include <scale/cuda/relu6.cuh>
