// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the contracts of all operators.

#include <scale/ops/layer_norm.hpp>
#include <scale/ops/motion_energy.hpp>
#include <scale/ops/write_mode.hpp>
