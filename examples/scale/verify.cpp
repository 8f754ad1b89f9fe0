// SPDX-License-Identifier: Apache-2.0
// scale verify: recomputes golden files and compares.
#include "scale/program.hpp"
#include "scale/verify/kinds.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

namespace scale::program {

namespace {

std::vector<std::filesystem::path> golden_files(std::vector<std::string> const& inputs) {
  std::vector<std::filesystem::path> files;
  for (std::filesystem::path const input : inputs) {
    if (!std::filesystem::exists(input)) throw input_error(input.string() + ": no such file or folder");
    if (!std::filesystem::is_directory(input)) {
      files.push_back(input);
      continue;
    }
    std::size_t const before = files.size();
    for (auto const& entry : std::filesystem::recursive_directory_iterator(input))
      if (entry.is_regular_file() && entry.path().extension() == ".safetensors") files.push_back(entry.path());
    if (files.size() == before) throw input_error(input.string() + ": has no .safetensors file");
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

template <class T, class B>
void compute(B const& b, golden_case const& golden, comparison& result) {
  std::string const& kind = golden.kind();
  if (kind == "layer") return verify_layer<T>(b, golden, result);
  if (kind == "scale_forward" || kind == "padded_sets") return verify_scale_forward<T>(b, golden, result);
  if (kind == "scale_pretrain") return verify_scale_pretrain<T>(b, golden, result);
  if (kind == "scale_trajectory") return verify_scale_trajectory<T>(b, golden, result);
  if (kind == "lr_schedule") return verify_lr_schedule(golden, result);
  if (kind == "centred") return verify_centred<T>(golden, result);
  if (kind == "linear_probe_forward") return verify_linear_probe_forward<T>(b, golden, result);
  if (kind == "linear_probe_train") return verify_linear_probe_train<T>(b, golden, result);
  if (kind == "mlp_probe") return verify_mlp_probe<T>(b, golden, result);
  if (kind == "finetune") return verify_finetune<T>(b, golden, result);
  if (kind == "knn") return verify_knn<T>(b, golden, result);
  if (kind == "backbone") return verify_backbone<T>(b, golden, result);
  if (kind == "clip_times") return verify_clip_times<stat_t<T>>(golden, result);
  if (kind == "positions") return verify_positions<stat_t<T>>(golden, result);
  if (kind == "resize_crop") return verify_resize_crop<stat_t<T>>(golden, result);
  if (kind == "crop_box") return verify_crop_box(golden, result);
  if (kind == "colour") return verify_colour(golden, result);
  throw input_error(golden.file().path().string() + ": this program cannot recompute cases of kind '" + kind + "'");
}

/// What became of one file.
struct verdict {
  std::string kind;
  double worst = 0, limit = 0;
  std::string problem;  // empty where it passed
};

template <class T, class B>
void recompute(B const& b, golden_case const& golden, verdict& v) {
  comparison result(golden, std::is_same_v<T, double> ? "fp64" : std::is_same_v<T, float> ? "fp32" : "bf16");
  compute<T>(b, golden, result);
  if (!result.passed()) v.problem = result.first_failure();
  v.worst = result.worst_error();
  v.limit = result.worst_limit();
}

/// A case that bounds nothing in bf16 is recomputed in float.
template <class T, class B>
verdict judge(B const& b, std::filesystem::path const& path, std::string const& weights) {
  verdict v;
  try {
    golden_case const golden(path, weights);
    v.kind = golden.kind();
    if constexpr (std::is_same_v<T, bf16>) {
      if (!golden.bounds("bf16")) {
        recompute<float>(b, golden, v);
        return v;
      }
    }
    recompute<T>(b, golden, v);
  } catch (error const& e) {
    v.problem = e.what();
  } catch (nlohmann::json::exception const& e) {
    v.problem = std::string("its config lacks something: ") + e.what();
  }
  return v;
}

/// Prints one line; true where the case passed.
template <class T, class B>
bool verify_file(session const& s, B const& b, std::filesystem::path const& path, std::string const& weights) {
  verdict const v = judge<T>(b, path, weights);
  std::string const name = path.stem().string();
  bool const passed = v.problem.empty();
  if (s.options.json)
    print_json({{"name", name},
                {"kind", v.kind},
                {"passed", passed},
                {"worst", v.worst},
                {"limit", v.limit},
                {"problem", v.problem}});
  else
    std::cout << fmt::format("{} {} worst={:.2g} limit={:.2g}{}\n", passed ? "PASS" : "FAIL", name, v.worst, v.limit,
                             passed ? "" : ": " + v.problem);
  return passed;
}

}  // namespace

void add_verify(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("verify", "recompute golden files and compare");
  auto const paths = std::make_shared<std::vector<std::string>>();
  command->add_option("PATH", *paths, "golden files, or folders of them")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto const weights = std::make_shared<std::string>();
  command->add_option("--weights", *weights, "the file of weights, where a case names one that is not beside it");
  command->callback([&s, paths, weights] {
    s.run = [&s, paths, weights] {
      return with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
        std::size_t passed = 0, failed = 0;
        for (auto const& path : golden_files(*paths)) {
          if (s.stop.stop_requested()) break;
          ++(verify_file<T>(s, b, path, *weights) ? passed : failed);
        }
        if (s.options.json)
          print_json({{"passed", passed}, {"failed", failed}});
        else
          std::cout << passed << " passed, " << failed << " failed\n";
        if (s.stop.stop_requested())
          throw cancelled_error("verify: stopped on request; files behind the last line were not looked at");
        return failed == 0 ? exit_code::done : exit_code::some_failed;
      });
    };
  });
}

}  // namespace scale::program
