// SPDX-License-Identifier: Apache-2.0
#pragma once
// One function per kind of golden file: computes what the file holds and compares. Each is instantiated in its own
// source for the backends and element types of backends.hpp; kinds without a backend for double, float and bf16.

#include "scale/verify/golden_case.hpp"

namespace scale::program {

template <class T, class B>
void verify_layer(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_convolution_layer(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_block_layer(B const& b, golden_case const& golden, comparison& result);

template <class T, class B>
void verify_scale_forward(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_scale_pretrain(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_scale_trajectory(B const& b, golden_case const& golden, comparison& result);
void verify_lr_schedule(golden_case const& golden, comparison& result);
template <class T>
void verify_centred(golden_case const& golden, comparison& result);

template <class T, class B>
void verify_linear_probe_forward(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_linear_probe_train(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_mlp_probe(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_finetune(B const& b, golden_case const& golden, comparison& result);
template <class T, class B>
void verify_knn(B const& b, golden_case const& golden, comparison& result);

template <class T, class B>
void verify_backbone(B const& b, golden_case const& golden, comparison& result);

template <class T>
void verify_clip_times(golden_case const& golden, comparison& result);
template <class T>
void verify_positions(golden_case const& golden, comparison& result);
template <class T>
void verify_resize_crop(golden_case const& golden, comparison& result);
void verify_crop_box(golden_case const& golden, comparison& result);
void verify_colour(golden_case const& golden, comparison& result);

}  // namespace scale::program
