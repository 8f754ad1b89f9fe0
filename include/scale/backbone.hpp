// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the backbones, which turn clips into features.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/mobilenet_v2/architecture.hpp>
#include <scale/backbone/motion_energy.hpp>
#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/slow_r50/architecture.hpp>
#include <scale/backbone/slow_r50/names.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/backbone/video_resnet.hpp>
#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/backbone/video_resnet/folded_weights.hpp>
#include <scale/backbone/video_resnet/schedule.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/backbone/video_resnet_18/architecture.hpp>
