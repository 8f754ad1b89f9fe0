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
#include <scale/backbone/timesformer.hpp>
#include <scale/backbone/timesformer/block.hpp>
#include <scale/backbone/timesformer/names.hpp>
#include <scale/backbone/video_resnet.hpp>
#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/backbone/video_resnet/folded_weights.hpp>
#include <scale/backbone/video_resnet/schedule.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/backbone/video_resnet_18/architecture.hpp>
#include <scale/backbone/videomae.hpp>
#include <scale/backbone/videomae/names.hpp>
#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/layers.hpp>
#include <scale/backbone/vit/names.hpp>
#include <scale/backbone/vit/positions.hpp>
#include <scale/backbone/vit/size.hpp>
#include <scale/backbone/vjepa2.hpp>
#include <scale/backbone/vjepa2/names.hpp>
