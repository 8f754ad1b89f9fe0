// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: shapes, tensors, element types, errors, random numbers, the backend concept.

#include <scale/core/backend.hpp>
#include <scale/core/config.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/error.hpp>
#include <scale/core/host_buffer.hpp>
#include <scale/core/random.hpp>
#include <scale/core/shape.hpp>
#include <scale/core/tensor.hpp>
#include <scale/core/tensor_view.hpp>
#include <scale/core/version.hpp>
