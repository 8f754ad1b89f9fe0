// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the CPU backend, on oneDNN, Eigen and OpenMP.

#include <scale/cpu/context.hpp>
#include <scale/cpu/frame_pool.hpp>
#include <scale/cpu/motion_energy.hpp>
