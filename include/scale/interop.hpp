// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: other libraries' views of our tensors. Needs Eigen and xtensor.

#include <scale/interop/eigen.hpp>
#include <scale/interop/xtensor.hpp>
