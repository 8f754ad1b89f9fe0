// SPDX-License-Identifier: Apache-2.0
#pragma once
// The folder of a training run: config.json, metrics.jsonl, checkpoint-STEP.safetensors, model.safetensors.

#include <scale/core/shape.hpp>
#include <scale/io/atomic_file.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>
#include <scale/io/list_folder.hpp>
#include <scale/io/remove_file.hpp>
#include <scale/io/temporary_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// Names what is in a run's folder and keeps it in order. One process writes at a time.
class run_folder {
 public:
  /// Makes the folder where it is not there yet.
  explicit run_folder(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code code;
    std::filesystem::create_directories(path_, code);
    if (!std::filesystem::is_directory(path_)) throw_write_failure(path_, "making the run's folder", code.value());
  }

  std::filesystem::path const& path() const noexcept { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.json"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path model_file() const { return model_file_in(path_); }
  static std::filesystem::path model_file_in(std::filesystem::path const& folder) {
    return folder / "model.safetensors";
  }
  std::filesystem::path checkpoint_file(index_t step) const {
    std::string digits = std::to_string(step);
    digits.insert(0, digits.size() < 9 ? 9 - digits.size() : 0, '0');
    return path_ / ("checkpoint-" + digits + ".safetensors");
  }

  /// Steps that have a checkpoint, ascending.
  std::vector<index_t> checkpoints() const {
    std::vector<index_t> steps;
    for (std::string const& name : list_folder(path_))
      if (std::optional<index_t> const step = step_of(name)) steps.push_back(*step);
    std::sort(steps.begin(), steps.end());
    return steps;
  }

  std::optional<index_t> newest_checkpoint() const {
    std::vector<index_t> const steps = checkpoints();
    return steps.empty() ? std::nullopt : std::optional(steps.back());
  }

  /// Removes what a killed process left of files that it had begun to write.
  void remove_unfinished() const {
    remove_abandoned_files(path_, [&](std::string const& name) {
      return step_of(name) || name == model_file().filename() || name == config_file().filename() ||
             name == metrics_file().filename();
    });
  }

  /// Removes all but the newest `keep` checkpoints.
  void prune_checkpoints(std::size_t keep = 2) const {
    std::vector<index_t> const steps = checkpoints();
    for (std::size_t i = 0; i + keep < steps.size(); ++i) remove_file(checkpoint_file(steps[i]));
  }

  /// Removes the files of a run; others stay.
  void remove_run() const {
    prune_checkpoints(0);
    for (std::filesystem::path const& path : {model_file(), config_file(), metrics_file()}) remove_file(path);
  }

  /// Throws argument_error, naming the file, where a new run would replace something.
  void require_unused() const {
    if (std::optional<std::filesystem::path> const file = any_file())
      throw argument_error(file->string() +
                           ": expected a folder without a run, found this file of an earlier run or of something else; "
                           "give another folder, or resume that run (--resume) to go on with it");
  }

  /// For resuming where there is no checkpoint: throws input_error, naming a file, unless the folder holds nothing or
  /// what this run left before its first checkpoint.
  void require_beginning_of(nlohmann::json const& config) const {
    std::optional<std::filesystem::path> const file = any_file();
    if (!file) return;
    bool const same = exists(config_file()) && !exists(model_file()) && read_json(config_file()) == config;
    if (!same)
      refuse_file(*file,
                  "expected a checkpoint beside it, or the beginning of a run with the same options, found "
                  "neither; give another folder");
  }

  void write_config(nlohmann::json const& config) const { write_text(config_file(), config.dump(2) + "\n"); }

  /// Keeps the metrics of steps 1 to `step` and what is said of refused steps, whose number is returned. Metrics of
  /// later steps, and a line cut short by a crash, will be written again by the run that resumes from there.
  index_t cut_metrics(index_t step) const {
    std::ifstream file(metrics_file(), std::ios::binary);
    if (!file) return 0;
    index_t refused = 0;
    std::string kept, line;
    while (std::getline(file, line)) {
      auto const json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_discarded() || !json.is_object() || !json.contains("step") || !json["step"].is_number_integer())
        break;
      if (json.contains("refused"))
        ++refused;
      else if (json["step"].get<index_t>() > step)
        continue;
      kept += line + '\n';
    }
    write_text(metrics_file(), kept);
    return refused;
  }

 private:
  static constexpr std::string_view prefix = "checkpoint-";

  /// The step of a checkpoint's name.
  std::optional<index_t> step_of(std::string const& name) const {
    if (!name.starts_with(prefix)) return std::nullopt;
    index_t step = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), step);
    return step >= 0 && checkpoint_file(step).filename() == name ? std::optional(step) : std::nullopt;
  }

  static bool exists(std::filesystem::path const& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
  }

  /// A file under one of a run's four kinds of name.
  std::optional<std::filesystem::path> any_file() const {
    if (std::optional<index_t> const step = newest_checkpoint()) return checkpoint_file(*step);
    for (std::filesystem::path const& path : {model_file(), config_file(), metrics_file()})
      if (exists(path)) return path;
    return std::nullopt;
  }

  static void write_text(std::filesystem::path const& path, std::string_view text) {
    atomic_file file(path);
    file.write(text);
    file.commit();
  }

  std::filesystem::path path_;
};

}  // namespace scale
