// SPDX-License-Identifier: Apache-2.0
// scale inspect: what a file is, what is in it, whether it is whole.
#include <scale/data/feature_store.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/video/reader.hpp>

#include "scale/program.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace scale::program {

namespace {

using json = nlohmann::ordered_json;

std::string first_bytes(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw input_error(path.string() + ": cannot be opened");
  std::string bytes(9, '\0');
  in.read(bytes.data(), 9);
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

json describe_store(std::filesystem::path const& path) {
  feature_store const store(path);
  store.verify();
  json failures = json::array();
  for (store_failure const& f : store.failures()) failures.push_back({{"name", f.name}, {"reason", f.reason}});
  return {{"kind", "feature store, version 1"},
          {"whole", true},
          {"videos", store.videos()},
          {"clips", store.rows()},
          {"clips_per_video", store.is_uniform() ? json(store.clips()) : json("differ")},
          {"feature_width", store.feature_width()},
          {"feature_type", std::string(name_of(store.feature_type()))},
          {"classes", store.classes().size()},
          {"columns", store.columns()},
          {"fingerprint", store.fingerprint()},
          {"failures", failures},
          {"provenance", store.provenance()}};
}

json describe_safetensors(std::filesystem::path const& path) {
  safetensors_file const file(path);
  json tensors = json::object();
  std::uint64_t elements = 0;
  for (stored_tensor const& t : file.tensors()) {
    tensors[t.name] = {{"dtype", std::string(name_of(t.type))}, {"shape", t.shape}};
    elements += static_cast<std::uint64_t>(t.size());
  }
  return {{"kind", "safetensors"},          {"whole", true},        {"metadata", file.metadata()},
          {"count", file.tensors().size()}, {"elements", elements}, {"tensors", tensors}};
}

json describe_video(std::filesystem::path const& path, session const& s) {
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  options.stop = s.stop;
  video::video_info const info = video::probe(path, options);
  return {{"kind", "video"},
          {"whole", info.errors == 0},
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
          {"first_error", info.first_error}};
}

json describe(std::filesystem::path const& path, session const& s) {
  if (std::filesystem::is_directory(path)) throw input_error(path.string() + ": is a folder; name the files in it");
  std::string const head = first_bytes(path);
  if (head.starts_with("\x89SCFS")) return describe_store(path);
  if (path.extension() == ".safetensors" || (head.size() == 9 && head[8] == '{')) return describe_safetensors(path);
  if (head.starts_with("\x93NUMPY")) {
    npy_file const file(path);
    stored_tensor const& t = file.tensor();
    return {{"kind", "npy"}, {"whole", true}, {"dtype", std::string(name_of(t.type))}, {"shape", t.shape}};
  }
  return describe_video(path, s);
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

exit_code inspect(session const& s, std::vector<std::string> const& paths) {
  bool refused = false;
  for (std::string const& path : paths) {
    json object = {{"file", path}};
    try {
      object.update(describe(path, s));
      refused = refused || !object["whole"].get<bool>();
    } catch (input_error const& e) {
      object["whole"] = false;
      object["error"] = e.what();
      refused = true;
    }
    if (s.options.json) {
      print_json(object);
    } else {
      std::cout << path << '\n';
      object.erase("file");
      print_text(object);
    }
  }
  return refused ? exit_code::input_refused : exit_code::done;
}

}  // namespace

void add_inspect(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("inspect", "what a file is, what is in it, whether it is whole");
  auto const paths = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *paths, "weights, stores, checkpoints, arrays, videos")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->callback([&s, paths] { s.run = [&s, paths] { return inspect(s, *paths); }; });
}

}  // namespace scale::program
