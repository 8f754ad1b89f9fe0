// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the contracts of all operators.

#include <scale/ops/activation.hpp>
#include <scale/ops/adamw.hpp>
#include <scale/ops/assemble_tokens.hpp>
#include <scale/ops/attention.hpp>
#include <scale/ops/batch_norm.hpp>
#include <scale/ops/convolution.hpp>
#include <scale/ops/copy.hpp>
#include <scale/ops/cross_entropy.hpp>
#include <scale/ops/dropout.hpp>
#include <scale/ops/expect_value.hpp>
#include <scale/ops/fill.hpp>
#include <scale/ops/frame_pool.hpp>
#include <scale/ops/frozen_convolution.hpp>
#include <scale/ops/gather_clips.hpp>
#include <scale/ops/gather_rows.hpp>
#include <scale/ops/gelu.hpp>
#include <scale/ops/group_mean.hpp>
#include <scale/ops/info_nce.hpp>
#include <scale/ops/l2_normalize.hpp>
#include <scale/ops/layer_norm.hpp>
#include <scale/ops/linear.hpp>
#include <scale/ops/matmul.hpp>
#include <scale/ops/max_pool.hpp>
#include <scale/ops/mean_pool.hpp>
#include <scale/ops/motion_energy.hpp>
#include <scale/ops/relu.hpp>
#include <scale/ops/relu6.hpp>
#include <scale/ops/softmax.hpp>
#include <scale/ops/symmetric_info_nce.hpp>
#include <scale/ops/top_k.hpp>
#include <scale/ops/transfer.hpp>
#include <scale/ops/trilinear_resize.hpp>
#include <scale/ops/write_mode.hpp>
