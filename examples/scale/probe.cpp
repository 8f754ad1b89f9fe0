// SPDX-License-Identifier: Apache-2.0
// scale probe: what classifiers make of stored features, with and without the set transformer.
#include <scale/cpu.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/ref.hpp>

#include "scale/probing.hpp"
#include <fmt/format.h>

#include <iostream>
#include <memory>

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

exit_code probe(session const& s, probe_arguments& a) {
  expect(a.options.group.empty() != a.test.empty(), "probe", "give either --test, or --group COLUMN on one store");
  a.options.training.seed = s.options.seed;
  a.options.training.schedule = probe_schedule_of(a.schedule);
  a.options.training.output = probe_output_of(a.output);
  feature_store const train(a.train);
  std::optional<feature_store> test;
  if (!a.test.empty())
    test.emplace(a.test, store_expectation{.backbone = train.provenance().value("backbone", std::string()),
                                           .weights_sha256 = train.provenance().value("weights_sha256", std::string()),
                                           .feature_width = train.feature_width()});
  std::vector<nlohmann::json> lines;
  if (!s.options.json)
    std::cout << fmt::format("{:<9} {:<17} {:>6} {:>6} {:>7}  {:>15} {:>6}\n", "method", "features", "top-1", "top-5",
                             "classes", "95 % of top-1", "n");
  with_backend(s, [&]<class T>(auto const& b) {
    using context = std::remove_cvref_t<decltype(b)>;
    std::optional<loaded_model<T, context>> model;
    if (!a.model.empty()) {
      model.emplace(b, a.model);
      expect_features(model->file.description(), train);
    }
    run_probes<T, context>(
        b, train, test ? *test : train, model ? &*model : nullptr, a.options, s.stop, [&](probe_row const& row) {
          nlohmann::ordered_json const object = object_of(row);
          lines.push_back(object);
          if (s.options.json) return print_json(object);
          accuracy const& r = row.result.result;
          std::cout << fmt::format("{:<9} {:<17} {:6.1f} {:6.1f} {:7.1f}  [{:5.1f}, {:5.1f}] {:6}\n", row.result.method,
                                   row.result.features, r.top1, r.top5, r.mean_class, r.ci95.low, r.ci95.high, r.n)
                    << std::flush;
        });
    return 0;
  });
  if (!a.out.empty()) {
    json_lines_writer file(a.out);
    for (nlohmann::json const& line : lines) file.write(line);
  }
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
  list("--method", o.methods, "knn, ridge, linear, mlp, finetune; several behind commas");
  list("--features", o.features, "x, cls, x+cls, x+h+cls; several behind commas; x is always there");
  command->add_option("--percent", o.percent, "learn from the first so many percent of each class")
      ->capture_default_str();
  command->add_option("--k", o.k, "neighbours of knn")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--epochs", o.training.epochs, "of trained probes")->capture_default_str();
  command->add_option("--batch", o.training.batch, "videos, of trained probes")->capture_default_str();
  command->add_option("--lr", o.training.lr, "of trained probes")->capture_default_str();
  command->add_option("--wd", o.training.wd, "of trained probes")->capture_default_str();
  command->add_option("--warmup", o.training.warmup, "share of the schedule")->capture_default_str();
  command->add_option("--train-on", a->output, "what is held against the label: logits, avg_logits or avg_probs")
      ->capture_default_str();
  command->add_option("--probe-schedule", a->schedule, "own, or released: the authors' decay and length")
      ->capture_default_str();
  command->add_option("--out", a->out, "also append the results to this file, as JSON lines");
  command->callback([&s, a] { s.run = [&s, a] { return probe(s, *a); }; });
}

}  // namespace scale::program
