// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the OpenCL backend.

#include <scale/opencl/context.hpp>
#include <scale/opencl/copy.hpp>
#include <scale/opencl/devices.hpp>
#include <scale/opencl/dropout.hpp>
#include <scale/opencl/element.hpp>
#include <scale/opencl/elementwise_product.hpp>
#include <scale/opencl/fill.hpp>
#include <scale/opencl/gelu.hpp>
#include <scale/opencl/gelu_dropout.hpp>
#include <scale/opencl/layer_norm.hpp>
#include <scale/opencl/options.hpp>
#include <scale/opencl/relu.hpp>
#include <scale/opencl/relu6.hpp>
#include <scale/opencl/transfer.hpp>
