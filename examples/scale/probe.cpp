// SPDX-License-Identifier: Apache-2.0
// scale probe: what classifiers make of stored features, with and without the set transformer.
#include <scale/io/json_lines.hpp>

#include "scale/backends.hpp"
#include "scale/live_line.hpp"
#include "scale/probing.hpp"
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace scale::program {

namespace {

struct probe_arguments {
  std::string train, test, model, out, schedule = "own", output = "logits";
  probing_options options;
};

nlohmann::ordered_json object_of(probe_row const& row) {
  accuracy const& a = row.result.result;
  nlohmann::ordered_json object = {
      {"method", row.result.method}, {"features", row.result.features},   {"top1", a.top1}, {"top5", a.top5},
      {"mean_class", a.mean_class},  {"ci95", {a.ci95.low, a.ci95.high}}, {"n", a.n}};
  if (row.averages)
    object["top1_by_average"] = {{"logits", row.averages->logits.top1},
                                 {"avg_logits", row.averages->avg_logits.top1},
                                 {"avg_probs", row.averages->avg_probs.top1}};
  return object;
}

std::string header_text() {
  return fmt::format("{:<9} {:<17} {:>6} {:>6} {:>7}  {:>15} {:>6}  {}\n", "method", "features", "top-1", "top-5",
                     "classes", "95 % of top-1", "n", "top-1 of clips, of averaged logits, probabilities");
}

std::string text_of(probe_row const& row) {
  accuracy const& r = row.result.result;
  std::string text = fmt::format("{:<9} {:<17} {:6.1f} {:6.1f} {:7.1f}  [{:5.1f}, {:5.1f}] {:6}", row.result.method,
                                 row.result.features, r.top1, r.top5, r.mean_class, r.ci95.low, r.ci95.high, r.n);
  if (row.averages)
    text += fmt::format("  {:5.1f} {:5.1f} {:5.1f}", row.averages->logits.top1, row.averages->avg_logits.top1,
                        row.averages->avg_probs.top1);
  return text + '\n';
}

/// Decay and length of the released schedule are those of the model's pre-training, as far as its file tells them.
void take_schedule_of(model_file const* model, probe_options& o, live_line& line) {
  nlohmann::json const run = model == nullptr ? nlohmann::json::object() : model->description().run;
  auto const number = [&](char const* key) { return run.contains(key) && run.at(key).is_number(); };
  if (number("iterations") && run.at("iterations") != 0)
    wrong_usage("--probe-schedule released", "a model pre-trained for a number of epochs",
                "one pre-trained for " + run.at("iterations").dump() + " iterations", "take --probe-schedule own");
  if (number("epochs") && number("wd")) {
    o.pretrain_epochs = run.at("epochs").get<index_t>();
    o.pretrain_wd = run.at("wd").get<double>();
    return;
  }
  line.note(
      fmt::format("no model says how it was pre-trained: the released schedule takes the paper's {} epochs and "
                  "weight decay {}",
                  o.pretrain_epochs, o.pretrain_wd));
}

exit_code probe(session const& s, probe_arguments const& a, CLI::App const& command) {
  bool const released = a.schedule == "released";
  if (a.options.group.empty() == a.test.empty())
    wrong_usage("--test, --group", "one of the two", a.test.empty() ? "neither" : "both",
                "give a store to test on, or a column of --train to leave one value out of after the other");
  if (released && command.count("--wd") != 0)
    wrong_usage("--wd", "none beside --probe-schedule released, which takes pre-training's", "one", "leave one out");
  probing_options options = a.options;
  options.training.seed = s.options.seed;
  options.training.schedule = probe_schedule_of(a.schedule);
  options.training.output = probe_output_of(a.output);
  options = checked(options, !a.model.empty());
  feature_store const train(a.train);
  std::optional<feature_store> test;
  if (!a.test.empty()) test.emplace(a.test);
  with_backend(s, [&]<class T>(auto const& b) {
    using context = std::remove_cvref_t<decltype(b)>;
    live_line line(s);
    std::optional<loaded_model<T, context>> model;
    if (!a.model.empty()) model.emplace(b, a.model);
    if (released) take_schedule_of(model ? &model->file : nullptr, options.training, line);
    std::optional<json_lines_writer> file;
    if (!a.out.empty()) file.emplace(a.out);
    bool first = true;
    auto const show = [&](probe_row const& row) {
      nlohmann::ordered_json const object = object_of(row);
      if (file) file->write(object);
      line.clear();
      if (s.options.json) return print_json(object);
      if (std::exchange(first, false)) std::cout << header_text();
      std::cout << text_of(row);
      require_output();
    };
    run_probes<T, context>(b, train, test ? *test : train, model ? &*model : nullptr, options, s.stop, show, &line);
    return 0;
  });
  return exit_code::done;
}

}  // namespace

void add_probe(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("probe", "classify stored features, with and without a model");
  auto const a = std::make_shared<probe_arguments>();
  probing_options& o = a->options;
  command->add_option("--train", a->train, "the store to learn from")->required();
  command->add_option("--test", a->test, "the store to test on");
  command->add_option("--group", o.group, "instead of --test: leave out one value of this column after the other");
  command->add_option("--model", a->model, "a run's folder or model file");
  auto const list = [&](char const* name, std::vector<std::string>& to, char const* what) {
    command->add_option(name, to, what)->delimiter(',')->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  list("--method", o.methods, "knn, ridge, linear, mlp, finetune; several behind commas [knn,linear]");
  list("--features", o.features, "x, cls, x+cls, x+h+cls, ...; several behind commas; x is always there");
  command->add_option("--percent", o.percent, "learn from the first so many percent of each class")
      ->capture_default_str();
  command->add_option("--k", o.k, "neighbours of knn")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--epochs", o.training.epochs, "passes of trained probes over the training videos")
      ->capture_default_str();
  command->add_option("--batch", o.training.batch, "videos in a step of trained probes")->capture_default_str();
  command->add_option("--lr", o.training.lr, "highest learning rate of trained probes")->capture_default_str();
  command->add_option("--wd", o.training.wd, "weight decay of trained probes")->capture_default_str();
  command->add_option("--warmup", o.training.warmup, "share of the schedule in which the rate rises")
      ->capture_default_str();
  command->add_option("--train-on", a->output, "what is held against the label: logits, avg_logits or avg_probs")
      ->check(CLI::IsMember({"logits", "avg_logits", "avg_probs"}))
      ->capture_default_str();
  command->add_option("--probe-schedule", a->schedule, "own, or released: decay and length of the model's pre-training")
      ->check(CLI::IsMember({"own", "released"}))
      ->capture_default_str();
  command->add_option("--out", a->out, "also append each result to this file, as JSON lines");
  command->callback([&s, a, command] { s.run = [&s, a, command] { return probe(s, *a, *command); }; });
}

}  // namespace scale::program
