// SPDX-License-Identifier: Apache-2.0
// scale embed: one vector per video.
#include <scale/io/json_lines.hpp>
#include <scale/io/json_text.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/sha256.hpp>

#include "scale/backends.hpp"
#include "scale/extraction.hpp"
#include "scale/outputs.hpp"
#include "scale/probing.hpp"
#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace scale::program {

namespace {

struct embed_arguments {
  std::string input, model, out, features = "x+cls";
  bool no_normalise = false;
  view_arguments views;
};

/// A hidden folder beside `path`, made here and removed with what is in it.
class scratch_folder {
 public:
  explicit scratch_folder(std::filesystem::path const& path) {
    std::string name = path.parent_path() / ("." + path.filename().string() + ".XXXXXX");
    if (::mkdtemp(name.data()) == nullptr) throw_write_failure(path, "making a temporary folder beside it", errno);
    path_ = name;
  }
  scratch_folder(scratch_folder const&) = delete;
  scratch_folder& operator=(scratch_folder const&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Where the vectors' names go. Throws argument_error where an output would replace something else than its like.
std::filesystem::path names_path(embed_arguments const& a) {
  std::filesystem::path const out = a.out;
  if (out.extension() != ".npy")
    wrong_usage("--out", "a name that ends in .npy", a.out,
                "the vectors' names go beside it, in a file that ends in .jsonl");
  expect_output(out, a.input, "array of vectors (.npy)", is_npy);
  std::filesystem::path names = out;
  names.replace_extension(".jsonl");
  expect_output(names, a.input, "list of vectors (JSON lines)", is_json_lines);
  return names;
}

/// The backbone that was asked for, else the model's.
std::string backbone_name(embed_arguments const& a, model_file const& model) {
  if (a.views.backbones.size() > 1)
    wrong_usage("--backbone", "one: a model has one", std::to_string(a.views.backbones.size()));
  if (!a.views.backbones.empty()) return a.views.backbones.front();
  std::string const& own = model.description().backbone;
  if (own.empty())
    throw argument_error("--backbone: " + model.path().string() +
                         " does not say what backbone it was trained on; expected " + backbone_names());
  if (!is_backbone(own))
    throw input_error(model.path().string() + ": it was trained on features of the backbone " + printable(own) +
                      ", this program has " + backbone_names() + "; give a store of its features in place of videos");
  return own;
}

template <class T, class B>
exit_code embed_with(session const& s, B const& b, embed_arguments& a, CLI::App const& command) {
  static_cast<void>(canonical_features(a.features));
  std::filesystem::path const names = names_path(a);
  bool const from_store = is_feature_store(a.input);
  if (from_store) expect_no_view_options(command, a.input);
  loaded_model<T, B> const model(b, a.model);
  atomic_file lines(names);  // a folder that cannot be written is refused before the work
  std::optional<scratch_folder> scratch;
  std::filesystem::path store_path = a.input;
  std::vector<store_failure> failures;
  if (!from_store) {
    a.views.backbones = {backbone_name(a, model.file)};
    store_path = scratch.emplace(a.out).path() / "features";
    auto const check = [&](auto const& backbone) {
      check_features(model.file.description(), backbone.name, backbone.weights_sha256(), backbone.feature_width());
    };
    extraction_summary const summary =
        run_extraction<T>(s, b, a.views, command, extraction_run_of(a.views, s), a.input, {store_path}, check).front();
    if (summary.stopped)
      throw cancelled_error(
          "embed: stopped on request, nothing was written; for long lists make a store with scale "
          "extract, which keeps what was done, and embed that");
    failures = summary.failures;
  }
  feature_store const store(store_path);
  check_features(model.file.description(), store);
  probe_side<T, B> const side(b, store, &model, s.stop);
  auto representation = side.representation;
  if (!a.no_normalise)
    for (auto* part : {&representation.x, &representation.h, &representation.cls}) normalise_rows(*part);
  auto const vectors = compose(representation, clip_features_of(a.features));
  std::vector<float> const values(vectors.values.begin(), vectors.values.end());
  write_npy(a.out, as_stored("vectors", {vectors.rows, vectors.columns}, std::span<float const>(values)));
  auto const line = [&](nlohmann::ordered_json const& object) { lines.write(object.dump() + "\n"); };
  line({{"model_sha256", sha256_of_file(model.file.path())},
        {"backbone", store.provenance().at("backbone")},
        {"weights_sha256", store.provenance().at("weights_sha256")},
        {"features", a.features},
        {"normalised", !a.no_normalise},
        {"rows", vectors.rows},
        {"width", vectors.columns}});
  for (index_t v = 0; v < store.videos(); ++v) {
    nlohmann::ordered_json row = {{"row", v}};
    set_exact_text(row, "path", store.record(v).name);
    line(row);
  }
  lines.commit();
  if (s.options.json)
    print_json({{"vectors", to_utf8(a.out)},
                {"rows", vectors.rows},
                {"width", vectors.columns},
                {"failed", failures.size()},
                {"failures", failures_json(failures, "path")}});
  else
    std::cout << fmt::format("{}: {} vectors of {} numbers; {} has their names\n", a.out, vectors.rows, vectors.columns,
                             names.string());
  return failures.empty() ? exit_code::done : exit_code::some_failed;
}

}  // namespace

void add_embed(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("embed", "turn videos, or a store, into one vector per video");
  auto const a = std::make_shared<embed_arguments>();
  a->views.views = "val";
  a->views.backbones.clear();
  command->add_option("INPUT", a->input, "a video, a folder, a list of videos, or a store")->required();
  command->add_option("--model", a->model, "a run's folder or model file")->required();
  command->add_option("--out", a->out, "vectors, .npy; their names go beside it, .jsonl")->required();
  command->add_option("--features", a->features, "parts of a vector: some of x, h, mean_h, cls joined by +")
      ->capture_default_str();
  command->add_flag("--no-normalise", a->no_normalise, "leave the parts at their lengths");
  add_view_options(*command, a->views);
  command->get_option("--backbone")->description(backbone_names() + "; unless given the model's");
  command->callback([&s, a, command] {
    s.run = [&s, a, command] {
      return with_backend(s, [&]<class T>(auto const& b) {
        return embed_with<T, std::remove_cvref_t<decltype(b)>>(s, b, *a, *command);
      });
    };
  });
}

}  // namespace scale::program
