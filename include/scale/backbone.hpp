// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the backbones, which turn clips into features.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/mobilenet_v2/architecture.hpp>
#include <scale/backbone/motion_energy.hpp>
