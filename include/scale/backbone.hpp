// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the backbones, which turn clips into features.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/mobilenet_v2/architecture.hpp>
#include <scale/backbone/motion_energy.hpp>
#include <scale/backbone/timesformer.hpp>
#include <scale/backbone/timesformer/block.hpp>
#include <scale/backbone/timesformer/names.hpp>
#include <scale/backbone/videomae.hpp>
#include <scale/backbone/videomae/names.hpp>
#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/layers.hpp>
#include <scale/backbone/vit/names.hpp>
#include <scale/backbone/vit/positions.hpp>
#include <scale/backbone/vit/size.hpp>
#include <scale/backbone/vit/stages.hpp>
#include <scale/backbone/vjepa2.hpp>
#include <scale/backbone/vjepa2/names.hpp>
