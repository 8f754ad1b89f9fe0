// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the CPU backend, on oneDNN, Eigen and OpenMP.

#include <scale/cpu/adamw.hpp>
#include <scale/cpu/assemble_tokens.hpp>
#include <scale/cpu/attention.hpp>
#include <scale/cpu/batch_norm.hpp>
#include <scale/cpu/context.hpp>
#include <scale/cpu/convolution.hpp>
#include <scale/cpu/copy.hpp>
#include <scale/cpu/cross_entropy.hpp>
#include <scale/cpu/dropout.hpp>
#include <scale/cpu/element.hpp>
#include <scale/cpu/fill.hpp>
#include <scale/cpu/frame_pool.hpp>
#include <scale/cpu/frozen_convolution.hpp>
#include <scale/cpu/gather_clips.hpp>
#include <scale/cpu/gather_rows.hpp>
#include <scale/cpu/gelu.hpp>
#include <scale/cpu/group_mean.hpp>
#include <scale/cpu/info_nce.hpp>
#include <scale/cpu/l2_normalize.hpp>
#include <scale/cpu/layer_norm.hpp>
#include <scale/cpu/linear.hpp>
#include <scale/cpu/matmul.hpp>
#include <scale/cpu/max_pool.hpp>
#include <scale/cpu/mean_pool.hpp>
#include <scale/cpu/motion_energy.hpp>
#include <scale/cpu/relu.hpp>
#include <scale/cpu/relu6.hpp>
#include <scale/cpu/softmax.hpp>
#include <scale/cpu/symmetric_info_nce.hpp>
#include <scale/cpu/top_k.hpp>
#include <scale/cpu/transfer.hpp>
#include <scale/cpu/trilinear_resize.hpp>
