// SPDX-License-Identifier: Apache-2.0
// scale demo: generates videos, extracts, pre-trains with both inputs, probes, and writes a page about it.
#include <scale/backbone.hpp>
#include <scale/cpu.hpp>
#include <scale/data/extract.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/eval/search.hpp>
#include <scale/io/atomic_file.hpp>
#include <scale/train/pretrain.hpp>

#include "scale/demo/generate.hpp"
#include "scale/demo/report.hpp"
#include "scale/extraction.hpp"
#include "scale/live_line.hpp"
#include "scale/probing.hpp"
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::program {

namespace {

struct demo_arguments {
  std::string out = "scale-demo";
  bool quick = false;
  demo_videos videos;
  index_t clips = 64;  // stored per video; a step draws 16 of them
  index_t epochs = 80;
};

using context = cpu::context;

constexpr char const* marker = "scale-demo.json";  // stands in every folder that the demonstration made
constexpr input_kind inputs[] = {input_kind::paper, input_kind::centred};
constexpr double chance = 100.0 / 6;

/// Makes the folder. One that holds something, and is not of an earlier demonstration, is left alone: throws
/// argument_error.
void claim_folder(std::filesystem::path const& folder, demo_arguments const& a, std::uint64_t seed) {
  char const* const expected = "a new or empty folder, or one of an earlier demo";
  if (std::filesystem::exists(folder) && !std::filesystem::is_directory(folder))
    wrong_usage("--out", expected, "the file " + folder.string(), "give another folder");
  std::filesystem::create_directories(folder);
  if (!std::filesystem::is_empty(folder) && !std::filesystem::exists(folder / marker))
    wrong_usage("--out", expected, folder.string() + ", which holds other files", "give another folder");
  atomic_file file(folder / marker);
  file.write(nlohmann::json{{"train", a.videos.train}, {"test", a.videos.test}, {"seed", seed}}.dump() + "\n");
  file.commit();
}

void generate(session const& s, demo_videos const& v, std::filesystem::path const& folder) {
  live_line line(s);
  int const total = v.train + v.test;
  std::mutex guard;
  generate_demo_videos(v, s.options.seed, folder, s.options.threads, [&](int done) {
    std::scoped_lock const lock(guard);
    line.show(fmt::format("generating {}/{} videos", done, total), done == total);
    return !s.stop.stop_requested();
  });
}

void extract_demo(session const& s, context const& b, std::filesystem::path const& list,
                  std::filesystem::path const& store, demo_arguments const& a) {
  for (std::filesystem::path const& earlier : {store, journal_path(store)}) std::filesystem::remove(earlier);
  manifest const videos = open_manifest(list);
  motion_energy_backbone<float, context> backbone(s.options.threads);
  extraction_options o;
  o.views.size = a.videos.side * 4 / 5;
  o.views.sampling.stride = 1;
  o.views.clips = static_cast<int>(a.clips);
  o.pixels = pixels_of(backbone.defaults());
  o.clips_at_once = 16;
  o.seed = s.options.seed;
  extraction_run run;
  run.reading.short_side = a.videos.side;
  share_decoding(run, s.options.threads);
  live_line line(s);
  extraction_callbacks callbacks;
  callbacks.stop = s.stop;
  callbacks.progress = [&](extraction_progress const& p) {
    if (!p.failure.empty()) throw input_error(p.name + ": " + p.failure);  // it was written a minute ago
    line.show(fmt::format("{}: {}/{} videos, {}", list.stem().string(), p.done, p.total, pace_text(p)),
              p.done == p.total);
  };
  if (extract_features<float>(b, backbone, videos, o, run, store, callbacks).stopped)
    throw cancelled_error("demo: stopped during extraction");
}

pretrain_options options_of(demo_arguments const& a, input_kind input, std::uint64_t seed) {
  pretrain_options o;
  o.epochs = a.epochs;
  o.batch = 256;
  o.set_size = 8;
  o.lr = 1e-3;
  o.hidden = 128;
  o.pred_hidden = 512;
  o.target_hidden = 256;
  o.input = input;
  o.seed = seed;
  return o;
}

/// The loss of every step.
report_curve pretrain_demo(session const& s, context const& b, feature_store const& train, pretrain_options const& o,
                           std::filesystem::path const& folder) {
  pretrain_run run;
  run.folder = folder;
  run_folder(folder).remove_run();
  report_curve curve{std::string(name_of(o.input)), {}};
  live_line line(s);
  train_callbacks callbacks;
  callbacks.progress = [&](train_progress const& p) {
    curve.values.push_back(p.loss);
    line.show(fmt::format("{} input: epoch {}/{} loss {:.3f} acc {:.0f}/{:.0f} %, {} left", curve.name, p.epoch,
                          p.epochs, p.loss, p.set_accuracy, p.dense_accuracy, duration_text(p.eta)),
              p.step == p.steps);
  };
  pretrain<float>(b, train, o, run, callbacks, s.stop);
  return curve;
}

report_picture sample(demo_videos const& v, std::uint64_t seed, std::uint32_t index) {
  auto const frames = render_demo_video(v, seed, index);
  report_picture picture{demo_classes[static_cast<std::size_t>(demo_class(seed, index))], v.side, {}};
  for (std::size_t t = 0; t < frames.size(); t += frames.size() / 9) picture.frames.push_back(frames[t]);
  return picture;
}

/// The five videos whose summaries are nearest to that of each of the first three.
std::vector<report_query> search_demo(session const& s, context const& b, feature_store const& test,
                                      loaded_model<float, context> const& model) {
  probe_side<float, context> const side(b, test, &model, s.stop);
  host_matrix<float> const& cls = side.representation.cls;
  host_matrix<float> queries(std::min<index_t>(3, cls.rows), cls.columns);
  for (index_t i = 0; i < queries.rows; ++i) std::copy_n(cls.row(i).begin(), queries.columns, queries.row(i).begin());
  auto const title = [&](index_t v) {
    std::string const& label = test.classes()[static_cast<std::size_t>(test.record(v).label)];
    return std::string(test.record(v).name) + ": " + demo_classes[static_cast<std::size_t>(std::stoi(label))];
  };
  auto const found = search_nearest<float>(b, queries, cls, 6);
  std::vector<report_query> out;
  for (index_t q = 0; q < queries.rows; ++q) {
    report_query query{title(q), {}};
    for (neighbour const& hit : found[static_cast<std::size_t>(q)])
      if (hit.row != q) query.nearest.push_back({title(hit.row), hit.similarity});
    out.push_back(std::move(query));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> settings_of(session const& s, demo_arguments const& a,
                                                             feature_store const& train) {
  demo_videos const& v = a.videos;
  pretrain_options const o = options_of(a, input_kind::paper, s.options.seed);
  return {{"videos", fmt::format("{} to learn from, {} held out", v.train, v.test)},
          {"frames", fmt::format("{} of {} x {} pixels", v.frames(), v.side, v.side)},
          {"backbone", fmt::format("motion_energy, {} numbers per clip", train.feature_width())},
          {"clips",
           fmt::format("{} stored per video; two sets of {} drawn from them in each step", train.clips(), o.set_size)},
          {"set transformer", fmt::format("width {}, {} blocks, heads {} and {} wide", o.hidden, o.layers,
                                          o.pred_hidden, o.target_hidden)},
          {"pre-training", fmt::format("{} epochs, batch {}, lr {:g}", o.epochs, o.batch, o.lr)},
          {"classes", "6 orders of three motions"},
          {"seed", std::to_string(s.options.seed)}};
}

/// Figure of a classifier on x, cls or x+cls, for one input.
struct demo_result {
  std::string classifier, sees;
  input_kind input;
  accuracy result;
};

accuracy const& result_of(std::vector<demo_result> const& results, std::string_view classifier, std::string_view sees,
                          input_kind input) {
  for (demo_result const& r : results)
    if (r.classifier == classifier && r.sees == sees && r.input == input) return r.result;
  throw argument_error("demo: no result of " + std::string(classifier) + " on " + std::string(sees));
}

std::string summary_of(std::vector<demo_result> const& results) {
  std::string text;
  for (input_kind const input : inputs) {
    auto const top1 = [&](char const* classifier, char const* sees) {
      return result_of(results, classifier, sees, input).top1;
    };
    text += fmt::format(
        "{}{} input: a linear probe names the order of {:.1f} % of the held-out videos from the set's summary, of "
        "{:.1f} "
        "% from the average of their clips; k-NN {:.1f} and {:.1f} %.",
        text.empty() ? "" : " ", input == input_kind::paper ? "Paper's" : "Centred", top1("ridge", "cls"),
        top1("ridge", "x"), top1("knn", "cls"), top1("knn", "x"));
  }
  return text;
}

void print_results(session const& s, std::vector<demo_result> const& results) {
  for (demo_result const& r : results) {
    std::string const input(name_of(r.input));
    if (s.options.json)
      print_json({{"input", input},
                  {"method", r.classifier},
                  {"features", r.sees},
                  {"top1", r.result.top1},
                  {"top5", r.result.top5},
                  {"mean_class", r.result.mean_class},
                  {"ci95", {r.result.ci95.low, r.result.ci95.high}},
                  {"n", r.result.n}});
    else
      std::cout << fmt::format("{:<8} {:<6} {:<6} {:5.1f} %  [{:.1f}, {:.1f}]\n", input, r.classifier, r.sees,
                               r.result.top1, r.result.ci95.low, r.result.ci95.high);
  }
}

exit_code demo(session const& s, demo_arguments& a) {
  auto const began = std::chrono::steady_clock::now();
  require_backend(s);
  if (s.options.backend != context::name)
    wrong_usage("--backend", context::name, s.options.backend, "the demonstration is made for it");
  with_backend(s, []<class T>(auto const&) {});  // refuses element types that it does not compute in
  if (a.quick) {
    a.videos.train = 320;
    a.videos.test = 128;
    a.clips = 32;
    a.epochs = 40;
  }
  std::filesystem::path const folder = a.out;
  context const b(s.options.threads);
  claim_folder(folder, a, s.options.seed);
  generate(s, a.videos, folder);
  extract_demo(s, b, folder / "train.csv", folder / "train.store", a);
  extract_demo(s, b, folder / "test.csv", folder / "test.store", a);
  feature_store const train(folder / "train.store"), test(folder / "test.store");

  demo_report report;
  report.chance = chance;
  std::vector<demo_result> results;
  for (input_kind const input : inputs) {
    std::filesystem::path const run = folder / std::string(name_of(input));
    report.inputs.emplace_back(name_of(input));
    report.curves.push_back(pretrain_demo(s, b, train, options_of(a, input, s.options.seed), run));
    loaded_model<float, context> const model(b, run);
    probing_options probing;
    probing.methods = {"knn", "ridge"};
    run_probes<float, context>(b, train, test, &model, probing, s.stop, [&](probe_row const& row) {
      if (row.result.method == "metadata") return;
      results.push_back({row.result.method, row.result.features, input, row.result.result});
    });
    if (input == input_kind::centred) report.queries = search_demo(s, b, test, model);
  }
  for (char const* const classifier : {"knn", "ridge"})
    for (char const* const sees : {"x", "cls", "x+cls"}) {
      report_row row{classifier == std::string_view("knn") ? "k-NN" : "linear (ridge)", sees, {}};
      for (input_kind const input : inputs) {
        accuracy const& r = result_of(results, classifier, sees, input);
        row.figures.push_back({r.top1, r.ci95.low, r.ci95.high});
      }
      report.rows.push_back(std::move(row));
    }
  for (std::uint32_t i = 0; i < 3; ++i) report.pictures.push_back(sample(a.videos, s.options.seed, i));
  report.summary = summary_of(results);
  double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  report.settings = settings_of(s, a, train);
  report.settings.emplace_back("time", duration_text(seconds));
  write_report(folder / "report.html", report);

  std::string const page = std::filesystem::absolute(folder / "report.html").lexically_normal().string();
  if (!s.options.json)
    for (auto const& [name, value] : report.settings) std::cout << fmt::format("{}: {}\n", name, value);
  print_results(s, results);
  if (s.options.json) {
    nlohmann::ordered_json end = {{"report", page}, {"seconds", seconds}};
    for (auto const& [name, value] : report.settings) end["settings"][name] = value;
    print_json(end);
  } else {
    std::cout << report.summary << "\nThe report: " << page << '\n';
  }
  return exit_code::done;
}

}  // namespace

void add_demo(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("demo", "generate videos, extract, pre-train, probe, and report");
  auto const a = std::make_shared<demo_arguments>();
  command->add_option("--out", a->out, "folder for everything")->capture_default_str();
  command->add_flag("--quick", a->quick, "fewer videos, shorter training: 90 seconds");
  command->callback([&s, a] { s.run = [&s, a] { return demo(s, *a); }; });
}

}  // namespace scale::program
