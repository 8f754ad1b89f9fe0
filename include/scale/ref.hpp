// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the reference backend.

#include <scale/ref/adamw.hpp>
#include <scale/ref/assemble_tokens.hpp>
#include <scale/ref/attention.hpp>
#include <scale/ref/batch_norm.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/convolution.hpp>
#include <scale/ref/copy.hpp>
#include <scale/ref/cross_entropy.hpp>
#include <scale/ref/dropout.hpp>
#include <scale/ref/fill.hpp>
#include <scale/ref/frame_pool.hpp>
#include <scale/ref/frozen_convolution.hpp>
#include <scale/ref/gather_clips.hpp>
#include <scale/ref/gather_rows.hpp>
#include <scale/ref/gelu.hpp>
#include <scale/ref/group_mean.hpp>
#include <scale/ref/info_nce.hpp>
#include <scale/ref/l2_normalize.hpp>
#include <scale/ref/layer_norm.hpp>
#include <scale/ref/linear.hpp>
#include <scale/ref/matmul.hpp>
#include <scale/ref/max_pool.hpp>
#include <scale/ref/mean_pool.hpp>
#include <scale/ref/motion_energy.hpp>
#include <scale/ref/packed_linear.hpp>
#include <scale/ref/patch_rows.hpp>
#include <scale/ref/relu.hpp>
#include <scale/ref/relu6.hpp>
#include <scale/ref/rotary.hpp>
#include <scale/ref/softmax.hpp>
#include <scale/ref/symmetric_info_nce.hpp>
#include <scale/ref/top_k.hpp>
#include <scale/ref/transfer.hpp>
#include <scale/ref/trilinear_resize.hpp>
