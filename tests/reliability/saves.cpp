// SPDX-License-Identifier: Apache-2.0
#include "reliability/saves.hpp"

#include <scale/data/extraction_journal.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ref.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>
#include <scale/train/run_folder.hpp>

#include "data/small_store.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using folder_path = std::filesystem::path;

scale::set_transformer_config small_model() {
  scale::set_transformer_config config;
  config.features = 3;
  config.width = 32;
  config.layers = 1;
  config.pred_hidden = config.target_hidden = 4;
  config.set_dim = config.dense_dim = 2;
  return config;
}

/// All numbers are the generation.
struct network {
  explicit network(context const& b, int generation)
      : params(b, scale::parameter_table(scale::set_transformer_parameters(small_model()))),
        m(b, scale::shape{params.table().size()}) {
    for (auto const& entry : params.table().entries())
      for (scale::index_t i = entry.offset; i < entry.offset + entry.size; ++i)
        params.values()(i) = m.view()(i) = static_cast<float>(generation);
  }
  scale::parameters<float, context> params;
  scale::tensor<float, 1, context> m;
};

int generation_of(context const& b, network const& n) {
  return static_cast<int>(n.params.read(b, "norm.bias").front());
}

void save_checkpoint(folder_path const& folder, int generation) {
  context const b;
  network const n(b, generation);
  scale::run_folder const run(folder / "run");
  run.remove_unfinished();
  scale::write_checkpoint<float, context>(run.checkpoint_file(generation), b, n.params, n.m, n.m,
                                          {generation, 0, {{"lr", 1}}, {}});
  run.prune_checkpoints();
}

int load_checkpoint(folder_path const& folder) {
  context const b;
  network n(b, -1);
  scale::run_folder const run(folder / "run");
  scale::checkpoint_info const info = scale::read_checkpoint<float, context>(
      run.checkpoint_file(run.newest_checkpoint().value()), b, {{"lr", 1}}, n.params, n.m, n.m);
  if (generation_of(b, n) != info.step) throw std::logic_error("the checkpoint is a mixture");
  return static_cast<int>(info.step);
}

void save_model(folder_path const& folder, int generation) {
  context const b;
  scale::model_description about;
  about.config = small_model();
  scale::write_model(folder / "model.safetensors", b, network(b, generation).params, about);
}

int load_model(folder_path const& folder) {
  context const b;
  network n(b, -1);
  scale::model_file(folder / "model.safetensors").load(b, n.params);
  return generation_of(b, n);
}

void save_store(folder_path const& folder, int generation) {
  auto description = testing::description(scale::stored_type::f32, 3);
  description.provenance["seed"] = generation;
  scale::feature_store_writer writer(folder / "store", description);
  for (int n = 0; n < 3; ++n) writer.append(testing::video_data(n, 2, 3).row);
  writer.finish();
}

int load_store(folder_path const& folder) {
  scale::feature_store const store(folder / "store");
  store.verify();
  return store.provenance().at("seed").get<int>();
}

/// Metrics of 9 steps, cut to as many as the generation says.
void save_metrics(folder_path const& folder, int generation) {
  scale::run_folder const run(folder / "metrics");
  run.write_config({{"generation", generation}});
  scale::json_lines_writer lines(run.metrics_file());
  lines.write({{"step", generation}});
  lines.synchronise();
  run.cut_metrics(generation);
}

int load_metrics(folder_path const& folder) {
  int const config = scale::read_json(folder / "metrics" / "config.json").at("generation").get<int>();
  scale::run_folder(folder / "metrics").cut_metrics(config);  // as resuming does: a torn last line is let go
  return config;
}

nlohmann::json const identity = {{"videos", 9}};

scale::extracted_video video(int index) {
  scale::extracted_video out;
  out.index = index;
  out.frames = static_cast<std::uint64_t>(index);
  out.clips.features.assign(3, static_cast<float>(index));
  out.clips.positions.assign(7, 0);
  out.clips.raw_positions.assign(7, 0);
  return out;
}

/// Appends the video of that number.
void save_journal(folder_path const& folder, int generation) {
  scale::extraction_journal journal(folder / "journal", identity, 3, [](scale::index_t, auto const&) {});
  while (journal.size() < generation) journal.append(video(static_cast<int>(journal.size()) + 1));
}

int load_journal(folder_path const& folder) {
  scale::extraction_journal const journal(
      folder / "journal", identity, 3, [](scale::index_t i, scale::extracted_video const& found) {
        if (found.index != i + 1 || found.clips.features != std::vector<float>(3, static_cast<float>(i + 1)))
          throw std::logic_error("the journal holds another video than was appended");
      });
  return static_cast<int>(journal.size());
}

}  // namespace

namespace testing {

std::vector<save_case> const& save_cases() {
  static std::vector<save_case> const cases = {{"checkpoint", save_checkpoint, load_checkpoint},
                                               {"model", save_model, load_model},
                                               {"store", save_store, load_store},
                                               {"metrics", save_metrics, load_metrics},
                                               {"journal", save_journal, load_journal}};
  return cases;
}

std::vector<std::string> rubbish_in(std::filesystem::path const& folder) {
  std::vector<std::string> out;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename().string().front() == '.') out.push_back(entry.path().filename().string());
  return out;
}

}  // namespace testing
