// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the OpenCL backend.

#include <scale/opencl/adamw.hpp>
#include <scale/opencl/assemble_tokens.hpp>
#include <scale/opencl/attention.hpp>
#include <scale/opencl/batch_norm.hpp>
#include <scale/opencl/context.hpp>
#include <scale/opencl/copy.hpp>
#include <scale/opencl/cross_entropy.hpp>
#include <scale/opencl/devices.hpp>
#include <scale/opencl/dropout.hpp>
#include <scale/opencl/element.hpp>
#include <scale/opencl/elementwise_product.hpp>
#include <scale/opencl/fill.hpp>
#include <scale/opencl/gather_clips.hpp>
#include <scale/opencl/gather_rows.hpp>
#include <scale/opencl/gelu.hpp>
#include <scale/opencl/gelu_dropout.hpp>
#include <scale/opencl/group_mean.hpp>
#include <scale/opencl/info_nce.hpp>
#include <scale/opencl/l2_normalize.hpp>
#include <scale/opencl/largest_magnitude.hpp>
#include <scale/opencl/layer_norm.hpp>
#include <scale/opencl/linear.hpp>
#include <scale/opencl/matmul.hpp>
#include <scale/opencl/mean_pool.hpp>
#include <scale/opencl/options.hpp>
#include <scale/opencl/relu.hpp>
#include <scale/opencl/relu6.hpp>
#include <scale/opencl/softmax.hpp>
#include <scale/opencl/symmetric_info_nce.hpp>
#include <scale/opencl/top_k.hpp>
#include <scale/opencl/transfer.hpp>
