// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: optimisers and learning-rate schedules.

#include <scale/optim/adamw.hpp>
#include <scale/optim/schedule.hpp>
