// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the reference backend.

#include <scale/ref/context.hpp>
#include <scale/ref/layer_norm.hpp>
#include <scale/ref/motion_energy.hpp>
