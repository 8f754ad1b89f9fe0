// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: representations, classifiers, splits and metrics.

#include <scale/eval/assemble_features.hpp>
#include <scale/eval/centring_tensors.hpp>
#include <scale/eval/class_list.hpp>
#include <scale/eval/clip_features.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/eval/evaluate.hpp>
#include <scale/eval/host_matrix.hpp>
#include <scale/eval/input_kind.hpp>
#include <scale/eval/knn.hpp>
#include <scale/eval/linear_head.hpp>
#include <scale/eval/memory_clips.hpp>
#include <scale/eval/metadata_baseline.hpp>
#include <scale/eval/metrics.hpp>
#include <scale/eval/representation.hpp>
#include <scale/eval/ridge.hpp>
#include <scale/eval/same_extraction.hpp>
#include <scale/eval/search.hpp>
#include <scale/eval/set_classification.hpp>
#include <scale/eval/splits.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/eval/store_split.hpp>
