// SPDX-License-Identifier: Apache-2.0
// scale inspect: what a file is, what is in it, whether it is whole.
#include <scale/data/feature_store.hpp>
#include <scale/data/journal_contents.hpp>
#include <scale/io/json_text.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/weights_file.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>
#include <scale/video/reader.hpp>

#include "scale/decoding.hpp"
#include "scale/outputs.hpp"
#include "scale/program.hpp"
#include "scale/verify/golden_case.hpp"
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace scale::program {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view golden_format = "scale-golden-1";

// Each of these adds what it finds to `out`, "kind" first. What throws on the way is why the file is not whole.

void describe_store(json& out, std::filesystem::path const& path) {
  out["kind"] = "feature store";
  feature_store const store(path, {.videos = store_videos::perhaps_none});
  out.update({{"videos", store.videos()},
              {"clips", store.rows()},
              {"clips_per_video", store.is_uniform() ? json(store.clips()) : json("differ")},
              {"feature_width", store.feature_width()},
              {"feature_type", std::string(name_of(store.feature_type()))},
              {"classes", store.classes().size()},
              {"columns", store.columns()},
              {"fingerprint", store.fingerprint()},
              {"failures", failures_json(store.failures(), "name")},
              {"provenance", store.provenance()}});
  store.verify();
}

void describe_journal(json& out, std::filesystem::path const& path) {
  out["kind"] = "journal of an extraction";
  journal_contents const contents = read_journal_contents(path);
  out.update({{"videos", contents.videos},
              {"failed", contents.failures},
              {"of", contents.identity.value("videos", index_t{0})},
              {"unfinished_bytes", contents.unfinished_bytes},
              {"provenance", contents.identity.value("provenance", nlohmann::json::object())}});
}

void describe_model(json& out, std::filesystem::path const& path) {
  out["kind"] = "model";
  model_file const model(path);
  model_description const& d = model.description();
  out.update({{"input", std::string(name_of(d.input))},
              {"feature_width", d.config.features},
              {"hidden", d.config.width},
              {"layers", d.config.layers},
              {"pretraining_heads", model.has_heads()},
              {"backbone", d.backbone},
              {"weights_sha256", d.weights_sha256}});
}

/// The set transformer that a checkpoint's run trains, as far as it decides the parameters.
set_transformer_config config_of_run(safetensors_file const& file, checkpoint_info const& info) {
  auto const number = [&]<class T>(char const* key, T& value) {
    bool const good = info.run.contains(key) &&
                      (std::is_same_v<T, double> ? info.run.at(key).is_number() : info.run.at(key).is_number_integer());
    if (!good) refuse_file(file.path(), "metadata \"config\": expected the number '" + std::string(key) + "'");
    value = info.run.at(key).get<T>();
  };
  set_transformer_config config;
  number("features", config.features);
  number("hidden", config.width);
  number("layers", config.layers);
  number("mlp-ratio", config.mlp_ratio);
  number("pred-hidden", config.pred_hidden);
  number("target-hidden", config.target_hidden);
  number("set-dim", config.set_dim);
  number("dense-dim", config.dense_dim);
  index_t const tensors = static_cast<index_t>(file.tensors().size());
  if (config.layers > tensors)
    refuse_file(file.path(), "metadata \"config\" says " + std::to_string(config.layers) + " layers, there are " +
                                 std::to_string(tensors) + " tensors");
  return config;
}

void describe_checkpoint(json& out, safetensors_file const& file) {
  out["kind"] = "checkpoint";
  checkpoint_info const info = read_checkpoint_info(file);
  set_transformer_config const config = config_of_run(file, info);
  out.update({{"step", info.step},
              {"epoch", info.epoch},
              {"input", info.run.contains("input") ? json(info.run.at("input")) : json()},
              {"feature_width", config.features},
              {"hidden", config.width},
              {"layers", config.layers}});
  std::vector<parameter_spec> const specs = set_transformer_parameters(config);
  std::array<std::string_view, 3> const prefixes = {"", first_moment_prefix, second_moment_prefix};
  for (std::string_view const prefix : prefixes)
    for (parameter_spec const& spec : specs) {
      stored_tensor const& t = file.at(std::string(prefix) + spec.name);
      if (t.shape != spec.shape)
        refuse_file(file.path(), "tensor '" + t.name + "': expected shape " + shape_text(spec.shape) + ", found " +
                                     shape_text(t.shape));
    }
  if (file.tensors().size() != prefixes.size() * specs.size())
    refuse_file(file.path(), "expected " + std::to_string(prefixes.size() * specs.size()) +
                                 " tensors, of parameters and their two moments, found " +
                                 std::to_string(file.tensors().size()));
}

void describe_golden_case(json& out, std::filesystem::path const& path) {
  out["kind"] = "golden case";
  golden_case const golden(path);
  out["case"] = golden.kind();
}

void describe_safetensors(json& out, std::filesystem::path const& path) {
  out["kind"] = "safetensors";
  out["container"] = "safetensors";
  safetensors_file const file(path);
  json tensors = json::object();
  std::uint64_t elements = 0;
  for (stored_tensor const& t : file.tensors()) {
    tensors[t.name] = {{"dtype", std::string(name_of(t.type))}, {"shape", t.shape}};
    elements += static_cast<std::uint64_t>(t.size());
  }
  out.update(
      {{"metadata", file.metadata()}, {"count", file.tensors().size()}, {"elements", elements}, {"tensors", tensors}});
  if (!file.tensors().empty()) out["groups"] = json::array({{{"path", ""}, {"count", file.tensors().size()}}});
  auto const found = file.metadata().find("format");
  std::string const format = found == file.metadata().end() ? std::string() : found->second;
  if (format == model_format) describe_model(out, path);
  if (format == checkpoint_format) describe_checkpoint(out, file);
  if (format == golden_format) describe_golden_case(out, path);
}

/// A value beside the tensors. JSON has no word for numbers that are not finite, nor for whole ones above 64 bits.
json value_json(weight_value const& value) {
  return std::visit(
      []<class T>(T const& v) -> json {
        if constexpr (std::is_same_v<T, std::monostate>)
          return nullptr;
        else if constexpr (std::is_same_v<T, large_integer>)
          return v.digits;
        else if constexpr (std::is_same_v<T, opaque_value>)
          return "opaque: " + v.what;
        else if constexpr (std::is_same_v<T, double>)
          return std::isfinite(v) ? json(v) : json(fmt::format("{}", v));
        else
          return v;
      },
      value);
}

void describe_weights(json& out, std::filesystem::path const& path) {
  constexpr std::size_t values_shown = 10'000;
  weights_file const file(path);
  out["kind"] = std::string(name_of(file.kind()));
  out["container"] = out["kind"];
  json tensors = json::object(), groups = json::array(), values = json::object();
  std::uint64_t elements = 0;
  for (stored_tensor const& t : file.tensors()) {
    tensors[t.name] = {{"dtype", std::string(name_of(t.type))}, {"shape", t.shape}};
    elements += static_cast<std::uint64_t>(t.size());
  }
  for (weight_group const& group : file.groups())
    groups.push_back({{"path", group.path}, {"count", group.tensors.size()}});
  out.update({{"metadata", file.metadata()},
              {"count", file.tensors().size()},
              {"elements", elements},
              {"groups", groups},
              {"tensors", tensors}});
  bool all = true;
  file.for_each_value([&](named_value const& value) {
    all = values.size() < values_shown;
    if (all) values[to_utf8(value.path)] = value_json(value.value);
    return all;
  });
  out["values"] = values;
  if (!all) out["values_shown"] = values_shown;
}

/// Endings that say weights, whatever the content says.
bool is_named_as_weights(std::filesystem::path const& path) {
  for (char const* const ending : {".pth", ".pt", ".pyth", ".ckpt", ".npz", ".npy", ".pkl"})
    if (path.extension() == ending) return true;
  return false;
}

void describe_npy(json& out, std::filesystem::path const& path) {
  out["kind"] = "npy";
  out["container"] = "npy";
  npy_file const file(path);
  out["dtype"] = std::string(name_of(file.tensor().type));
  out["shape"] = file.tensor().shape;
}

/// Reads videos in processes of their own, started for the first one, or in this one.
struct video_reading {
  bool in_this_process = false;
  std::optional<video::sandboxed_reader> sandbox;

  video::video_info probe(std::filesystem::path const& path, video::read_options const& options) {
    if (in_this_process) return video::probe(path, options);
    if (!sandbox) sandbox = start_sandbox();
    return sandbox->probe(path, options);
  }
};

void describe_video(json& out, std::filesystem::path const& path, session const& s, video_reading& reading) {
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  options.stop = s.stop;
  video::video_info const info = reading.probe(path, options);
  out.update({{"kind", "video"},
              {"frames", info.frames},
              {"width", info.size.width},
              {"height", info.size.height},
              {"fps", info.fps},
              {"duration", info.duration},
              {"rotation", info.rotation},
              {"codec", info.codec},
              {"pixel_format", info.pixel_format},
              {"colour_matrix", info.colour_matrix},
              {"full_range", info.full_range},
              {"errors", info.errors},
              {"first_error", to_utf8(info.first_error)}});
  if (info.errors != 0) refuse_file(path, std::to_string(info.errors) + " errors, the first: " + info.first_error);
}

void describe(json& out, std::filesystem::path const& path, session const& s, video_reading& reading) {
  std::string const head = first_bytes(path, 64);
  if (is_feature_store(path)) return describe_store(out, path);
  if (is_extraction_journal(path) && head.size() >= 8) return describe_journal(out, path);
  std::optional<weights_kind> const guess = guess_weights_kind(std::as_bytes(std::span(head.data(), head.size())));
  if (path.extension() == ".safetensors" || (guess == weights_kind::safetensors && head[8] == '{'))
    return describe_safetensors(out, path);
  if (is_npy(path)) return describe_npy(out, path);
  if ((guess && *guess != weights_kind::safetensors) || is_named_as_weights(path)) return describe_weights(out, path);
  describe_video(out, path, s, reading);
}

void print_text(json const& object) {
  for (auto const& [key, value] : object.items()) {
    if (!value.is_object() && !(value.is_array() && !value.empty() && value.front().is_object())) {
      std::cout << fmt::format("  {}: {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
      continue;
    }
    std::cout << fmt::format("  {}:\n", key);
    for (auto const& [name, entry] : value.items()) std::cout << fmt::format("    {}: {}\n", name, entry.dump());
  }
}

exit_code inspect(session const& s, std::vector<std::string> const& paths, video_reading& reading) {
  exit_code result = exit_code::done;
  for (std::string const& path : paths) {
    json found = json::object();
    std::string problem;
    try {
      describe(found, path, s, reading);
    } catch (cancelled_error const&) {
      throw;
    } catch (resource_error const& e) {
      problem = e.what();
      result = exit_code::machine_lacks;
    } catch (error const& e) {
      problem = e.what();
      if (result == exit_code::done) result = exit_code::input_refused;
    }
    json object;
    set_exact_text(object, "file", path);
    if (found.contains("kind")) object["kind"] = found["kind"];
    object["whole"] = problem.empty();
    if (!problem.empty()) object["error"] = to_utf8(problem);
    for (auto const& [key, value] : found.items()) object[key] = value;
    if (s.options.json) {
      print_json(object);
    } else {
      std::cout << path << '\n';
      object.erase("file");
      object.erase("file_hex");
      print_text(object);
    }
  }
  return result;
}

}  // namespace

void add_inspect(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("inspect", "what a file is, what is in it, whether it is whole");
  auto const paths = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *paths, "weights, stores, checkpoints, arrays, videos")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto const reading = std::make_shared<video_reading>();
  command->add_flag("--no-sandbox", reading->in_this_process, no_sandbox_help);
  command->callback([&s, paths, reading] { s.run = [&s, paths, reading] { return inspect(s, *paths, *reading); }; });
}

}  // namespace scale::program
