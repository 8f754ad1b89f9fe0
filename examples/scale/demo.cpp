// SPDX-License-Identifier: Apache-2.0
// scale demo: generates videos, extracts, pre-trains with both inputs, probes, and writes a page about it.
#include <scale/backbone.hpp>
#include <scale/cpu.hpp>
#include <scale/data/extract.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/eval/search.hpp>
#include <scale/train/pretrain.hpp>

#include "scale/demo/generate.hpp"
#include "scale/demo/report.hpp"
#include "scale/live_line.hpp"
#include "scale/probing.hpp"
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>

namespace scale::program {

namespace {

struct demo_arguments {
  std::string out = "scale-demo";
  bool quick = false;
  demo_videos videos;
  index_t epochs = 80;
};

using context = cpu::context;

void extract_demo(session const& s, context const& b, std::filesystem::path const& list,
                  std::filesystem::path const& store, demo_videos const& v) {
  manifest const videos = open_manifest(list);
  extraction_options o;
  o.views.size = v.side * 4 / 5;
  o.views.sampling.stride = 1;
  o.reading.short_side = v.side;
  for (std::size_t c = 0; c < 3; ++c) {
    o.pixels.mean[c] = 0;
    o.pixels.std[c] = 1;
  }
  o.reading.stop = s.stop;
  o.clips_at_once = 16;
  o.seed = s.options.seed;
  o.ahead = s.options.threads > 1 ? decode_ahead::yes : decode_ahead::no;
  motion_energy_backbone<float, context> backbone(s.options.threads);
  live_line line(s);
  extraction_callbacks callbacks;
  callbacks.stop = s.stop;
  callbacks.progress = [&](extraction_progress const& p) {
    if (!p.failure.empty()) line.message("failed: " + p.name + ": " + p.failure);
    line.show(fmt::format("{}: {}/{} videos", list.stem().string(), p.done, p.total), p.done == p.total);
  };
  if (extract_features<float>(b, backbone, videos, o, store, callbacks).stopped)
    throw cancelled_error("demo: stopped during extraction");
}

report_picture sample(demo_videos const& v, std::uint64_t seed, std::uint32_t index) {
  auto const frames = render_demo_video(v, seed, index);
  report_picture picture{demo_classes[static_cast<std::size_t>(demo_class(seed, index))], v.side, {}};
  for (std::size_t t = 0; t < frames.size(); t += frames.size() / 9) picture.frames.push_back(frames[t]);
  return picture;
}

exit_code demo(session const& s, demo_arguments& a) {
  auto const began = std::chrono::steady_clock::now();
  auto const elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  if (a.quick) {
    a.videos.train = 320;
    a.videos.test = 128;
    a.epochs = 40;
  }
  expect(s.options.backend == "cpu", "demo", "runs on the cpu backend");
  std::filesystem::path const folder = a.out;
  context const b(s.options.threads);
  {
    live_line line(s);
    int const total = a.videos.train + a.videos.test;
    std::mutex guard;
    generate_demo_videos(a.videos, s.options.seed, folder, s.options.threads, [&](int done) {
      std::scoped_lock const lock(guard);
      line.show(fmt::format("generating {}/{} videos", done, total), done == total);
      return !s.stop.stop_requested();
    });
  }
  extract_demo(s, b, folder / "train.csv", folder / "train.store", a.videos);
  extract_demo(s, b, folder / "test.csv", folder / "test.store", a.videos);
  feature_store const train(folder / "train.store"), test(folder / "test.store");

  demo_report report;
  report.facts.push_back(fmt::format(
      "{} generated videos of {} x {} pixels and {} frames ({} to learn from, {} held out), encoded and decoded with "
      "FFmpeg. Each makes the same three motions in one of six orders; the order is the class, chance is 16.7 %. "
      "Backbone: motion_energy, {} numbers per clip, {} clips per video. Set transformer: width 128, heads of 512, {} "
      "epochs. Seed {}.",
      a.videos.train + a.videos.test, a.videos.side, a.videos.side, 3 * a.videos.motion_frames, a.videos.train,
      a.videos.test, train.feature_width(), train.clips(), a.epochs, s.options.seed));
  for (std::uint32_t i = 0; i < 3; ++i) report.pictures.push_back(sample(a.videos, s.options.seed, i));

  for (input_kind const input : {input_kind::paper, input_kind::centred}) {
    std::string const word = input == input_kind::paper ? "paper" : "centred";
    pretrain_options o;
    o.epochs = a.epochs;
    o.batch = 256;
    o.lr = 1e-3;
    o.hidden = 128;
    o.pred_hidden = 512;
    o.target_hidden = 256;
    o.input = input;
    o.seed = s.options.seed;
    pretrain_run run;
    run.folder = folder / word;
    std::filesystem::remove_all(run.folder);
    report_curve curve{word, {}};
    {
      live_line line(s);
      train_callbacks callbacks;
      callbacks.progress = [&](train_progress const& p) {
        curve.values.push_back(p.loss);
        line.show(fmt::format("{} input: epoch {}/{} loss {:.3f} acc {:.0f}/{:.0f} %, {} left", word, p.epoch, p.epochs,
                              p.loss, p.set_accuracy, p.dense_accuracy, duration_text(p.eta)),
                  p.step == p.steps);
      };
      pretrain<float>(b, train, o, run, callbacks, s.stop);
    }
    report.curves.push_back(std::move(curve));
    loaded_model<float, context> const model(b, run.folder);
    probing_options probing;
    probing.methods = {"knn", "ridge"};
    run_probes<float, context>(b, train, test, &model, probing, s.stop, [&](probe_row const& row) {
      accuracy const& r = row.result.result;
      if (row.result.method == "metadata") return;
      report.rows.push_back({word, row.result.method == "ridge" ? "linear (ridge)" : row.result.method,
                             row.result.features, r.top1, r.ci95.low, r.ci95.high});
    });
    if (input == input_kind::paper) continue;
    probe_side<float, context> const side(b, test, &model, s.stop);
    host_matrix<float> queries(3, side.representation.cls.columns);
    for (index_t i = 0; i < queries.rows; ++i)
      std::copy_n(side.representation.cls.row(i).begin(), queries.columns, queries.row(i).begin());
    auto const found = search_nearest<float>(b, queries, side.representation.cls, 6);
    auto const class_of = [&](index_t v) {
      return std::string(demo_classes[static_cast<std::size_t>(
          std::stoi(test.classes()[static_cast<std::size_t>(test.record(v).label)]))]);
    };
    for (index_t q = 0; q < queries.rows; ++q) {
      report_neighbours n{class_of(q), {}, {}};
      for (neighbour const& hit : found[static_cast<std::size_t>(q)]) {
        if (hit.row == q) continue;
        n.classes.push_back(class_of(hit.row));
        n.similarities.push_back(hit.similarity);
      }
      report.neighbours.push_back(std::move(n));
    }
  }
  report.facts.push_back(fmt::format("All of it took {}.", duration_text(elapsed())));
  write_report(folder / "report.html", report);
  for (report_row const& row : report.rows) {
    if (s.options.json)
      print_json({{"input", row.input},
                  {"method", row.method},
                  {"features", row.features},
                  {"top1", row.top1},
                  {"ci95", {row.low, row.high}}});
    else
      std::cout << fmt::format("{:<8} {:<15} {:<6} {:5.1f} %  [{:.1f}, {:.1f}]\n", row.input, row.method, row.features,
                               row.top1, row.low, row.high);
  }
  if (!s.options.json)
    std::cout << fmt::format("{}; the report is {}\n", duration_text(elapsed()), (folder / "report.html").string());
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
