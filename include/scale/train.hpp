// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: pre-training, the files of its runs, and the training of probes.

#include <scale/train/checkpoint.hpp>
#include <scale/train/finite.hpp>
#include <scale/train/mlp_probe.hpp>
#include <scale/train/model_file.hpp>
#include <scale/train/pretrain.hpp>
#include <scale/train/pretrain_options.hpp>
#include <scale/train/pretrainer.hpp>
#include <scale/train/probe_batch.hpp>
#include <scale/train/probe_runs.hpp>
#include <scale/train/probe_training.hpp>
#include <scale/train/progress.hpp>
#include <scale/train/run_folder.hpp>
#include <scale/train/set_probe.hpp>
