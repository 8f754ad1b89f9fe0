// SPDX-License-Identifier: Apache-2.0
// scale embed: one vector per video.
#include <scale/cpu.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/sha256.hpp>
#include <scale/ref.hpp>

#include "scale/live_line.hpp"
#include "scale/probing.hpp"
#include "scale/view_arguments.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace scale::program {

namespace {

struct embed_arguments {
  std::string input, model, out, features = "x+cls";
  bool no_normalise = false;
  view_arguments views;
};

bool is_store(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[sizeof(detail::store::magic)] = {};
  return std::filesystem::is_regular_file(path) && in.read(magic, sizeof(magic)) &&
         std::equal(std::begin(magic), std::end(magic), std::begin(detail::store::magic));
}

/// Removes a file when it goes.
struct temporary_file {
  std::filesystem::path path;
  ~temporary_file() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

template <class T, class B>
exit_code embed_with(session const& s, B const& b, embed_arguments& a, CLI::App const& command) {
  loaded_model<T, B> const model(b, a.model);
  temporary_file temporary;
  std::filesystem::path store_path = a.input;
  index_t failed = 0;
  if (!is_store(a.input)) {
    temporary.path = store_path = a.out + ".features";
    extraction_options const options = extraction_options_of(a.views, command, s);
    manifest_options listing;
    listing.outside = a.views.allow_outside ? outside_paths::allowed : outside_paths::refused;
    manifest const videos = open_manifest(a.input, listing);
    live_line line(s);
    extraction_callbacks callbacks;
    callbacks.stop = s.stop;
    callbacks.progress = [&](extraction_progress const& p) {
      if (!p.failure.empty()) line.message("failed: " + p.name + ": " + p.failure);
      line.show(fmt::format("{}/{} videos", p.done, p.total), p.done == p.total);
    };
    extraction_summary const summary = with_backbone<T>(b, a.views.backbone, s.options.threads, [&](auto& backbone) {
      return extract_features<T>(b, backbone, videos, options, store_path, callbacks);
    });
    if (summary.stopped) throw cancelled_error("embed: stopped on request; nothing was written");
    failed = summary.failed;
  }
  feature_store const store(store_path);
  expect_features(model.file.description(), store);
  probe_side<T, B> const side(b, store, &model, s.stop);
  clip_features const parts = clip_features_of(a.features);
  auto representation = side.representation;
  if (!a.no_normalise)
    for (auto* part : {&representation.x, &representation.h, &representation.cls}) normalise_rows(*part);
  auto const vectors = compose(representation, parts);
  std::vector<float> const values(vectors.values.begin(), vectors.values.end());
  write_npy(a.out, as_stored("vectors", {vectors.rows, vectors.columns}, std::span<float const>(values)));
  std::filesystem::path const list = std::filesystem::path(a.out).replace_extension(".jsonl");
  atomic_file lines(list);
  auto const line = [&](nlohmann::ordered_json const& object) { lines.write(object.dump() + "\n"); };
  line({{"model_sha256", sha256_of_file(model.file.path())},
        {"backbone", store.provenance().value("backbone", std::string())},
        {"weights_sha256", store.provenance().value("weights_sha256", std::string())},
        {"features", a.features},
        {"normalised", !a.no_normalise},
        {"rows", vectors.rows},
        {"width", vectors.columns}});
  for (index_t v = 0; v < store.videos(); ++v) line({{"row", v}, {"path", std::string(store.record(v).name)}});
  lines.commit();
  if (s.options.json)
    print_json({{"vectors", a.out}, {"rows", vectors.rows}, {"width", vectors.columns}, {"failed", failed}});
  else
    std::cout << fmt::format("{}: {} vectors of {} numbers; {} has their names\n", a.out, vectors.rows, vectors.columns,
                             list.string());
  return failed > 0 ? exit_code::some_failed : exit_code::done;
}

}  // namespace

void add_embed(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("embed", "turn videos, or a store, into one vector per video");
  auto const a = std::make_shared<embed_arguments>();
  a->views.views = "val";
  command->add_option("INPUT", a->input, "a video, a folder, a list of videos, or a store")->required();
  command->add_option("--model", a->model, "a run's folder or model file")->required();
  command->add_option("--out", a->out, "vectors, .npy; their names go beside it, .jsonl")->required();
  command->add_option("--features", a->features, "parts of a vector: x, cls, x+cls, x+h+cls")->capture_default_str();
  command->add_flag("--no-normalise", a->no_normalise, "leave the parts at their lengths");
  add_view_options(*command, a->views);
  command->callback([&s, a, command] {
    s.run = [&s, a, command] {
      return with_backend(s, [&]<class T>(auto const& b) {
        return embed_with<T, std::remove_cvref_t<decltype(b)>>(s, b, *a, *command);
      });
    };
  });
}

}  // namespace scale::program
