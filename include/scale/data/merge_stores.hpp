// SPDX-License-Identifier: Apache-2.0
#pragma once
// The stores of all shards of an extraction, joined to the store that one run would have made.

#include <scale/data/extraction_options.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/io/file_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

namespace detail {

/// A store's place among the shards. Throws input_error where it is no shard.
struct shard_place {
  index_t index = 0, count = 1, videos = 0;

  explicit shard_place(feature_store const& store) {
    nlohmann::json const& provenance = store.provenance();
    if (!provenance.contains(store_shard_key))
      refuse_file(store.path(), "expected a shard of an extraction, found a whole store; there is nothing to merge");
    nlohmann::json const& shard = provenance.at(store_shard_key);
    auto const number = [&](char const* key) {
      if (!shard.is_object() || !shard.contains(key) || !shard.at(key).is_number_unsigned())
        refuse_file(store.path(), "provenance: the shard lacks '" + std::string(key) + "'");
      return shard.at(key).get<index_t>();
    };
    index = number("index");
    count = number("count");
    videos = number("videos");
    if (index < 0 || index >= count || videos < 0) refuse_file(store.path(), "provenance: such a shard cannot be");
  }

  /// Videos of the list that belong to it.
  index_t size() const { return (videos - index + count - 1) / count; }
};

/// What has to be the same in all shards, as one JSON value.
inline nlohmann::json common_of(feature_store const& store) {
  nlohmann::json common = {{"provenance", store.provenance()},
                           {"columns", store.columns()},
                           {"classes", store.classes()},
                           {"type", std::string(name_of(store.feature_type()))},
                           {"feature_width", store.feature_width()}};
  common["provenance"][store_shard_key].erase("index");
  return common;
}

}  // namespace detail

/// Writes `out` from the stores of all shards, given in any order: the same bytes as one run over the whole list. Each
/// is read once, and checked whole. Throws input_error, and writes nothing, where a store is no shard or damaged, where
/// two are the same shard or of different extractions (naming what differs), or where one is missing.
inline extraction_summary merge_stores(std::span<std::filesystem::path const> shards, std::filesystem::path const& out,
                                       location at = location::current()) {
  expect(!shards.empty(), "merge_stores", "there is no store", at);
  std::vector<std::unique_ptr<feature_store>> by_index;
  for (std::filesystem::path const& path : shards) {
    auto store = std::make_unique<feature_store>(path, store_expectation{.videos = store_videos::perhaps_none});
    store->verify();
    detail::shard_place const place(*store);
    if (by_index.empty()) by_index.resize(static_cast<std::size_t>(place.count));
    if (static_cast<index_t>(by_index.size()) != place.count)
      refuse_file(path, "expected one of " + std::to_string(by_index.size()) + " shards, found one of " +
                            std::to_string(place.count));
    if (store->videos() + static_cast<index_t>(store->failures().size()) != place.size())
      refuse_file(path, "expected " + std::to_string(place.size()) + " videos, failed ones among them, found " +
                            std::to_string(store->videos() + static_cast<index_t>(store->failures().size())));
    std::unique_ptr<feature_store>& slot = by_index[static_cast<std::size_t>(place.index)];
    if (slot) refuse_file(path, "is shard " + std::to_string(place.index) + ", and so is " + slot->path().string());
    slot = std::move(store);
  }
  std::string missing;
  for (std::size_t i = 0; i < by_index.size(); ++i)
    if (!by_index[i]) missing += " " + std::to_string(i);
  feature_store const& first =
      **std::find_if(by_index.begin(), by_index.end(), [](auto const& s) { return s != nullptr; });
  if (!missing.empty())
    refuse_file(first.path(), "of its " + std::to_string(by_index.size()) + " shards these are missing:" + missing);
  nlohmann::json const common = detail::common_of(first);
  for (auto const& store : by_index)
    for (nlohmann::json const& step : nlohmann::json::diff(common, detail::common_of(*store)))
      refuse_file(store->path(), "another extraction than " + first.path().string() + "'s: they differ in " +
                                     printable(step.at("path").get<std::string>()));

  nlohmann::json provenance = first.provenance();
  provenance.erase(store_shard_key);
  feature_store_writer writer(out, {.type = first.feature_type(),
                                    .feature_width = first.feature_width(),
                                    .columns = first.columns(),
                                    .classes = first.classes(),
                                    .provenance = std::move(provenance)});
  extraction_summary summary;
  summary.store = out;
  std::vector<std::size_t> failure(by_index.size());
  std::vector<index_t> video(by_index.size());
  index_t const videos = detail::shard_place(first).videos;
  for (index_t i = 0; i < videos; ++i) {
    std::size_t const s = static_cast<std::size_t>(i) % by_index.size();
    feature_store const& store = *by_index[s];
    if (failure[s] < store.failures().size() && store.failures()[failure[s]].index == i) {
      summary.failures.push_back(store.failures()[failure[s]++]);
      writer.append_failure(summary.failures.back());
      continue;
    }
    if (video[s] == store.videos()) refuse_file(store.path(), "its failures are not where they can be");
    index_t const v = video[s]++;
    store_record const& record = store.record(v);
    std::vector<float> const features = store.features_as<float>(v);
    writer.append({.name = std::string(record.name),
                   .columns = {record.columns.begin(), record.columns.end()},
                   .label = record.label,
                   .width = static_cast<std::uint32_t>(record.width),
                   .height = static_cast<std::uint32_t>(record.height),
                   .frames = static_cast<std::uint64_t>(record.frames),
                   .fps = record.fps,
                   .features = features,
                   .positions = store.positions_of(v),
                   .raw_positions = store.raw_positions_of(v)});
  }
  summary.videos = writer.videos();
  writer.finish();
  return summary;
}

}  // namespace scale
