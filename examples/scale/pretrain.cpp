// SPDX-License-Identifier: Apache-2.0
// scale pretrain: the set transformer on a store's features.
#include <scale/data/feature_store.hpp>
#include <scale/train/pretrain.hpp>

#include "scale/backends.hpp"
#include "scale/live_line.hpp"
#include "scale/program.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <vector>

namespace scale::program {

namespace {

struct pretrain_arguments {
  std::string store, out, input = "paper";
  bool resume = false;
  double temperature = 0.2;
  index_t head_width = 4096;
  pretrain_options options;
};

/// Whether the option was given, and stands for others that were not.
bool given_alone(CLI::App const& command, std::string const& option, std::initializer_list<char const*> stands_for) {
  if (command.count(option) == 0) return false;
  for (char const* other : stands_for)
    if (command.count(other) != 0)
      wrong_usage(option, std::string("either it or ") + other + ", for which it stands", "both",
                  "leave one of them out, in the --config file too");
  return true;
}

pretrain_options options_of(session const& s, pretrain_arguments const& a, CLI::App const& command) {
  pretrain_options o = a.options;
  o.seed = s.options.seed;
  o.input = input_kind_of(a.input);
  if (given_alone(command, "--temperature", {"--set-temperature", "--dense-temperature"}))
    o.set_temperature = o.dense_temperature = a.temperature;
  if (given_alone(command, "--head-width", {"--pred-hidden", "--target-hidden"})) {
    if (a.head_width < 2) wrong_usage("--head-width", "at least 2", std::to_string(a.head_width));
    o.pred_hidden = a.head_width;
    o.target_hidden = a.head_width / 2;
  }
  check(o, location{});
  return o;
}

/// Words as a shell reads them back.
std::string shell_text(std::vector<std::string> const& words) {
  std::string text;
  for (std::string const& word : words) {
    if (!text.empty()) text += ' ';
    bool const plain = word.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                           "-_./,:=+@%") == std::string::npos;
    if (plain && !word.empty()) {
      text += word;
      continue;
    }
    text += '\'';
    for (char const c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

void print(session const& s, pretrain_result const& result) {
  bool const done_before = result.steps_here == 0;
  if (s.options.json) {
    nlohmann::ordered_json object = {{"model", result.model.string()},
                                     {"steps", result.steps},
                                     {"done_before", done_before},
                                     {"refused", result.refused}};
    if (result.last)
      object.update({{"loss", result.last->total},
                     {"set_loss", result.last->set_loss},
                     {"dense_loss", result.last->dense_loss},
                     {"set_acc", result.last->set_accuracy},
                     {"dense_acc", result.last->dense_accuracy}});
    return print_json(object);
  }
  std::cout << fmt::format("{}: {}{} steps", result.model.string(), done_before ? "was done before, " : "",
                           result.steps);
  if (result.last)
    std::cout << fmt::format(", loss {:.4f} (set {:.4f} dense {:.4f})", result.last->total, result.last->set_loss,
                             result.last->dense_loss);
  std::cout << '\n';
}

exit_code run_pretraining(session const& s, pretrain_arguments const& a, CLI::App const& command) {
  pretrain_options const options = options_of(s, a, command);
  feature_store const store(a.store);
  store.verify();
  pretrain_run run;
  run.folder = a.out;
  run.start = a.resume ? run_start::resume : run_start::fresh;
  run.config = {{"backend", s.options.backend}, {"dtype", s.options.dtype}};
  try {
    print(s, with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
            live_line line(s);
            train_callbacks callbacks;
            callbacks.message = [&](std::string_view text) { line.note(std::string(text)); };
            callbacks.progress = [&](train_progress const& p) {
              line.show(
                  fmt::format("epoch {}/{} step {}/{} loss {:.4f} (set {:.4f} dense {:.4f}) acc {:.1f}/{:.1f} % lr "
                              "{:.2e} {:.0f} videos/s, {} left",
                              p.epoch, p.epochs, p.step, p.steps, p.loss, p.set_loss, p.dense_loss, p.set_accuracy,
                              p.dense_accuracy, p.lr, p.rate, duration_text(p.eta)),
                  p.step == p.steps);
            };
            return pretrain<T>(b, store, options, run, callbacks, s.stop, location{});
          }));
  } catch (cancelled_error const& e) {
    std::string const config = run_folder(run.folder).config_file().string();
    throw cancelled_error(std::string(e.what()) + ":\n" +
                          shell_text({"scale", "pretrain", a.store, "--out", a.out, "--config", config, "--resume"}));
  }
  return exit_code::done;
}

void add_model_options(CLI::App& command, pretrain_arguments& a) {
  pretrain_options& o = a.options;
  command.add_option("--hidden", o.hidden, "width of the set transformer, a multiple of 32")->capture_default_str();
  command.add_option("--layers", o.layers, "blocks of the set transformer")->capture_default_str();
  command.add_option("--temperature", a.temperature, "of both losses")->capture_default_str();
  command.add_option("--head-width", a.head_width, "hidden width of the heads; the target head has half of it")
      ->capture_default_str();
  auto const advanced = [&](char const* name, auto& to, char const* what) {
    command.add_option(name, to, what)->group("Advanced")->capture_default_str();
  };
  advanced("--mlp-ratio", o.mlp_ratio, "width of a block's MLP over --hidden");
  advanced("--pred-hidden", o.pred_hidden, "hidden width of the heads that predict");
  advanced("--target-hidden", o.target_hidden, "hidden width of the head of the targets");
  advanced("--set-dim", o.set_dim, "width of the vectors that set contrast compares");
  advanced("--dense-dim", o.dense_dim, "width of the vectors that masked clip modelling compares");
  advanced("--set-temperature", o.set_temperature, "of set contrast");
  advanced("--dense-temperature", o.dense_temperature, "of masked clip modelling");
  advanced("--set-weight", o.set_weight, "of set contrast in the loss");
  advanced("--dense-weight", o.dense_weight, "of masked clip modelling in the loss");
}

}  // namespace

void add_pretrain(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("pretrain", "pre-train the set transformer on a store");
  auto const a = std::make_shared<pretrain_arguments>();
  pretrain_options& o = a->options;
  command->add_option("STORE", a->store, "features to train on")->required();
  command->add_option("--out", a->out, "the run's folder")->required();
  command->add_flag("--resume", a->resume, "go on from the newest checkpoint in the folder");
  command->add_option("--input", a->input, "paper, or centred: each video's mean taken out")
      ->check(CLI::IsMember({"paper", "centred"}))
      ->capture_default_str();
  command->add_option("--epochs", o.epochs, "passes over the store's videos")->capture_default_str();
  command->add_option("--iterations", o.iterations, "steps of the whole run; 0: as many as the epochs have")
      ->group("Advanced")
      ->capture_default_str();
  command->add_option("--batch", o.batch, "videos in a step; a store with fewer is one batch")->capture_default_str();
  command->add_option("--set-size", o.set_size, "clips in a set; 0: half of a video's, at most 8")
      ->capture_default_str();
  command->add_option("--lr", o.lr, "highest learning rate")->capture_default_str();
  command->add_option("--wd", o.wd, "weight decay, of matrices alone")->capture_default_str();
  command->add_option("--warmup", o.warmup, "share of the steps in which the rate rises")->capture_default_str();
  command->add_option("--mask-ratio", o.mask_ratio, "share of the clips that are masked")->capture_default_str();
  command->add_option("--dropout", o.dropout, "share of activations dropped in training")->capture_default_str();
  add_model_options(*command, *a);
  command->callback([&s, a, command] { s.run = [&s, a, command] { return run_pretraining(s, *a, *command); }; });
}

}  // namespace scale::program
