// SPDX-License-Identifier: Apache-2.0
#pragma once
// Videos, stores and a run small enough to be made in a test, made by the program `scale` itself.

#include "io/temporary_folder.hpp"
#include "program/run_program.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace testing {

/// Frames of 64 x 48, 30 a second: a bar that moves to the right (kind 0) or down (kind 1), at a place and speed that
/// follow from `number`. H.264 or MPEG-4; the container follows from the extension.
void write_small_video(std::filesystem::path const& path, int kind, int number, int frames = 24);

/// Options of `scale extract` and `scale embed` that suit these videos: clips of 4 frames of 32 x 32.
std::vector<std::string> small_views(std::string const& recipe, int clips);

/// Options of `scale pretrain` for a model of width 32 that is trained in no time.
std::vector<std::string> small_training(int epochs);

/// The words of several lists, one after the other.
std::vector<std::string> words(std::vector<std::vector<std::string>> const& lists);

/// What most tests start from, made when first asked for. Nothing in it may be changed.
class small_collection {
 public:
  static small_collection const& get();

  static constexpr int train_videos = 12, test_videos = 6, classes = 2, clips = 4;
  static constexpr int feature_width = 215, model_width = 32;  // of motion_energy; of small_training

  std::filesystem::path folder() const { return folder_.path(); }

  /// Videos, and beside them the lists train.csv and test.csv with path,label,group: the labels are right and down,
  /// one after the other; the groups are a, b, c of four videos each.
  std::filesystem::path videos() const { return folder_ / "videos"; }
  std::filesystem::path train_list() const { return videos() / "train.csv"; }
  std::filesystem::path test_list() const { return videos() / "test.csv"; }
  std::filesystem::path some_video() const { return videos() / "train0.mp4"; }

  std::filesystem::path train_store() const { return folder_ / "train.store"; }
  std::filesystem::path test_store() const { return folder_ / "test.store"; }
  std::filesystem::path run() const { return folder_ / "run"; }
  std::filesystem::path model() const { return run() / "model.safetensors"; }

 private:
  small_collection();

  temporary_folder folder_;
};

}  // namespace testing
