// SPDX-License-Identifier: Apache-2.0
// scale pretrain: the set transformer on a store's features.
#include <scale/cpu.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include "scale/live_line.hpp"
#include "scale/program.hpp"
#include <fmt/format.h>

#include <iostream>
#include <memory>

namespace scale::program {

namespace {

struct pretrain_arguments {
  std::string store, out, input = "paper";
  bool resume = false;
  double temperature = 0.2;
  index_t head_width = 4096;
  pretrain_options options;
};

exit_code run_pretraining(session const& s, pretrain_arguments& a) {
  pretrain_options& o = a.options;
  o.seed = s.options.seed;
  o.input = input_kind_of(a.input);
  o.set_temperature = o.dense_temperature = a.temperature;
  o.pred_hidden = a.head_width;
  o.target_hidden = std::max<index_t>(1, a.head_width / 2);
  feature_store const store(a.store);
  pretrain_run run;
  run.folder = a.out;
  run.start = a.resume ? run_start::resume : run_start::fresh;
  pretrain_result const result = with_backend(s, [&]<class T>(auto const& b) {
    live_line line(s);
    train_callbacks callbacks;
    callbacks.message = [&](std::string_view text) { line.message(std::string(text)); };
    callbacks.progress = [&](train_progress const& p) {
      line.show(fmt::format("epoch {}/{} step {}/{} loss {:.4f} (set {:.4f} dense {:.4f}) acc {:.1f}/{:.1f} % lr "
                            "{:.2e} {:.0f} videos/s, {} left",
                            p.epoch, p.epochs, p.step, p.steps, p.loss, p.set_loss, p.dense_loss, p.set_accuracy,
                            p.dense_accuracy, p.lr, p.rate, duration_text(p.eta)),
                p.step == p.steps);
    };
    return pretrain<T>(b, store, o, run, callbacks, s.stop);
  });
  if (s.options.json)
    print_json({{"model", result.model.string()},
                {"steps", result.steps},
                {"loss", result.last.total},
                {"set_loss", result.last.set_loss},
                {"dense_loss", result.last.dense_loss},
                {"set_acc", result.last.set_accuracy},
                {"dense_acc", result.last.dense_accuracy}});
  else
    std::cout << fmt::format("{}: {} steps, loss {:.4f}\n", result.model.string(), result.steps, result.last.total);
  return exit_code::done;
}

}  // namespace

void add_pretrain(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("pretrain", "pre-train the set transformer on a store");
  auto const a = std::make_shared<pretrain_arguments>();
  pretrain_options& o = a->options;
  command->add_option("STORE", a->store, "features to train on")->required();
  command->add_option("--out", a->out, "the run's folder")->required();
  command->add_flag("--resume", a->resume, "go on from the newest checkpoint in the folder");
  command->add_option("--input", a->input, "paper, or centred: each video's mean taken out")->capture_default_str();
  command->add_option("--epochs", o.epochs, "")->capture_default_str();
  command->add_option("--batch", o.batch, "videos")->capture_default_str();
  command->add_option("--lr", o.lr, "")->capture_default_str();
  command->add_option("--wd", o.wd, "weight decay")->capture_default_str();
  command->add_option("--warmup", o.warmup, "share of the schedule")->capture_default_str();
  command->add_option("--hidden", o.hidden, "width of the set transformer")->capture_default_str();
  command->add_option("--layers", o.layers, "")->capture_default_str();
  command->add_option("--mask-ratio", o.mask_ratio, "")->capture_default_str();
  command->add_option("--dropout", o.dropout, "")->capture_default_str();
  command->add_option("--temperature", a->temperature, "of both losses")->capture_default_str();
  command->add_option("--head-width", a->head_width, "hidden width of the heads; the target head has half of it")
      ->capture_default_str();
  command->add_option("--set-size", o.set_size, "clips in a set; 0: half of a video's, at most 8")
      ->capture_default_str();
  command->callback([&s, a] { s.run = [&s, a] { return run_pretraining(s, *a); }; });
}

}  // namespace scale::program
