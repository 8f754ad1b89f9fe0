// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: lists of videos, clips of a video in memory, the feature store, sampling of sets, centring. Extraction from
// files is not among them: <scale/data/extract.hpp> needs scale::video.

#include <scale/data/centring.hpp>
#include <scale/data/clip_extractor.hpp>
#include <scale/data/export_npy.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/data/manifest.hpp>
#include <scale/data/manifest_csv.hpp>
#include <scale/data/manifest_lists.hpp>
#include <scale/data/merge_stores.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/data/set_sampler.hpp>
#include <scale/data/store_format.hpp>
