// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: the set transformer, its pre-training objectives and its parameters.

#include <scale/nn/arena.hpp>
#include <scale/nn/encoding_step.hpp>
#include <scale/nn/linear_layer.hpp>
#include <scale/nn/parameter_table.hpp>
#include <scale/nn/parameters.hpp>
#include <scale/nn/pretraining_objective.hpp>
#include <scale/nn/pretraining_step.hpp>
#include <scale/nn/projection_head.hpp>
#include <scale/nn/set_transformer.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/nn/set_transformer_model.hpp>
#include <scale/nn/token_selection.hpp>
#include <scale/nn/transformer_block.hpp>
