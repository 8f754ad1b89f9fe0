// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella of all but the backends, <scale/video.hpp> and <scale/data/extract.hpp>: it needs no library of others
// beyond those of scale::scale.

#include <scale/backbone.hpp>
#include <scale/core.hpp>
#include <scale/data.hpp>
#include <scale/eval.hpp>
#include <scale/interop.hpp>
#include <scale/io.hpp>
#include <scale/nn.hpp>
#include <scale/ops.hpp>
#include <scale/optim.hpp>
#include <scale/train.hpp>
