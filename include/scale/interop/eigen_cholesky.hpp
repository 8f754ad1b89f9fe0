// SPDX-License-Identifier: Apache-2.0
#pragma once
// Eigen's Cholesky factorisations of small dense systems on the host, for layers that reach Eigen through interop.

#include <scale/interop/eigen.hpp>

#include <Eigen/Cholesky>
