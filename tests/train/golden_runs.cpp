// SPDX-License-Identifier: Apache-2.0
// Golden kinds scale_trajectory, linear_probe_train and finetune.
#include <scale/cpu.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrainer.hpp>
#include <scale/train/probe_training.hpp>
#include <scale/train/set_probe.hpp>

#include "train/golden_training.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using golden::on;
using scale::index_t;

/// Stored clips of a case: f16 features, positions, and a source that borrows them.
template <class T, class B>
struct stored_clips {
  stored_clips(B const& b, golden::file_case const& c)
      : features(golden::to_tensor<scale::f16>(
            b, c.filled("store_x"),
            scale::shape{index_t(c.config.at("videos")), index_t(c.config.at("clips")), index_t(c.config.at("D"))})),
        positions(golden::to_tensor<float>(
            b, c.filled("store_pos"),
            scale::shape{index_t(c.config.at("videos")), index_t(c.config.at("clips")), scale::position_width})) {
    source.features = scale::tensor_view<scale::f16 const, 3, B>(features);
    source.positions = positions;
  }
  scale::tensor<scale::f16, 3, B> features;
  scale::tensor<float, 3, B> positions;
  scale::clip_source<T, B> source;
};

/// Draws of a step: the videos, and of each video the first `count` of its permuted clips.
struct draws {
  draws(golden::file_case const& c, std::size_t count)
      : batch(c.config.at("B").get<std::size_t>()),
        clips(c.config.at("clips").get<std::size_t>()),
        taken(count),
        videos(c.file.read<std::int32_t>("batch")),
        permutation(c.file.read<std::int32_t>("permutation")) {}

  std::vector<std::int32_t> videos_of(std::size_t step) const {
    auto const first = videos.begin() + std::ptrdiff_t(step * batch);
    return {first, first + std::ptrdiff_t(batch)};
  }
  std::vector<std::int32_t> clips_of(std::size_t step) const {
    std::vector<std::int32_t> out;
    for (std::size_t i = 0; i < batch; ++i) {
      auto const first = permutation.begin() + std::ptrdiff_t((step * batch + i) * clips);
      out.insert(out.end(), first, first + std::ptrdiff_t(taken));
    }
    return out;
  }

  std::size_t batch, clips, taken;
  std::vector<std::int32_t> videos, permutation;
};

/// Error of a sketch against the golden one: entry 0 relative to norm * sqrt(n), entries 1 to 7 relative to the norm.
template <class T>
double sketch_error(std::vector<T> const& values, std::vector<double> const& expected) {
  double sum = 0, square = 0;
  for (T const value : values) {
    sum += double(value);
    square += double(value) * double(value);
  }
  std::vector<double> found = {sum, std::sqrt(square)};
  std::vector<std::int64_t> const extents = {std::int64_t(values.size())};
  for (int j = 0; j < 6; ++j) {
    auto const direction = golden::fill("sketch" + std::to_string(j), extents, 0, 1, 0);
    double dot = 0;
    for (std::size_t i = 0; i < values.size(); ++i) dot += double(values[i]) * direction[i];
    found.push_back(dot);
  }
  double const norm = expected[1] > 0 ? expected[1] : 1;
  double worst = std::abs(found[0] - expected[0]) / (norm * std::sqrt(double(values.size())));
  for (std::size_t i = 1; i < 8; ++i) worst = std::max(worst, std::abs(found[i] - expected[i]) / norm);
  return worst;
}

scale::set_transformer_config encoder_config(nlohmann::json const& c) {
  scale::set_transformer_config out;
  out.features = c.at("D");
  out.width = c.at("H");
  out.layers = c.at("L");
  out.mlp_ratio = c.at("mlp_ratio");
  out.pred_hidden = c.at("pred_hidden");
  out.target_hidden = c.at("target_hidden");
  out.set_dim = c.at("set_dim");
  out.dense_dim = c.at("dense_dim");
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("golden scale_trajectory", P, on<double, scale::ref::context>, on<float, scale::cpu::context>) {
  using T = typename P::element;
  using B = typename P::context;
  B const b{};
  for (auto const& c : golden::cases_of("scale_trajectory")) {
    CAPTURE(c.name);
    auto const& g = c.config;
    scale::pretrain_options o;
    o.batch = g.at("B");
    o.iterations = g.at("total_iterations");
    o.warmup = g.at("warm_iterations").template get<double>() / g.at("total_iterations").template get<double>();
    o.set_size = g.at("V");
    o.lr = g.at("lr");
    o.wd = g.at("weight_decay");
    o.dropout = g.at("dropout");
    o.hidden = g.at("H");
    o.layers = g.at("L");
    o.mlp_ratio = g.at("mlp_ratio");
    o.pred_hidden = g.at("pred_hidden");
    o.target_hidden = g.at("target_hidden");
    o.set_dim = g.at("set_dim");
    o.dense_dim = g.at("dense_dim");
    o.set_temperature = g.at("set_temperature");
    o.dense_temperature = g.at("dense_temperature");
    o.set_weight = g.at("set_weight");
    o.dense_weight = g.at("dense_weight");
    stored_clips<T, B> const store(b, c);
    scale::pretrainer<T, B> trainer(b, store.source, o);
    auto& params = trainer.model().parameters();
    golden::fill_parameters(b, params, c.seed);
    std::size_t const per_batch = std::size_t(o.batch * 2 * o.set_size);
    draws const d(c, std::size_t(2 * o.set_size));
    auto const mask = c.file.template read<std::uint8_t>("mask");
    std::vector<double> set_loss, dense_loss, lr;
    for (std::size_t step = 0; step < g.at("steps").template get<std::size_t>(); ++step) {
      scale::set_batch const batch{
          d.videos_of(step),
          d.clips_of(step),
          {mask.begin() + std::ptrdiff_t(step * per_batch), mask.begin() + std::ptrdiff_t((step + 1) * per_batch)}};
      auto const result = trainer.step(b, batch);
      set_loss.push_back(result.losses.set_loss);
      dense_loss.push_back(result.losses.dense_loss);
      lr.push_back(result.lr);
      std::string const prefix = "sketch_" + std::to_string(step + 1) + "/";
      for (auto const& entry : params.table().entries()) {
        if (c.file.find(prefix + entry.name) == nullptr) continue;
        CAPTURE(prefix + entry.name);
        CHECK(sketch_error(params.read(b, entry.name), c.values(prefix + entry.name)) <=
              golden::limit_of(c, P::type, prefix + entry.name));
      }
    }
    CHECK(golden::relative_error(set_loss, c.values("set_loss")) <= c.limit(P::type, "set_loss"));
    CHECK(golden::relative_error(dense_loss, c.values("dense_loss")) <= c.limit(P::type, "dense_loss"));
    CHECK(golden::relative_error(lr, c.values("lr")) <= c.limit(P::type, "lr"));
    for (auto const& entry : params.table().entries()) {
      std::string const name = "final/" + entry.name;
      CAPTURE(name);
      auto found = params.read(b, entry.name);
      auto expected = c.values(name);
      if (g.contains("ignore") && g.at("ignore").contains(name)) {
        auto const range = g.at("ignore").at(name).template get<std::vector<std::ptrdiff_t>>();
        std::fill(found.begin() + range[0], found.begin() + range[1], T(0));
        std::fill(expected.begin() + range[0], expected.begin() + range[1], 0.0);
      }
      CHECK(golden::relative_error(found, expected) <= golden::limit_of(c, P::type, name));
    }
  }
}

TEST_CASE_TEMPLATE("golden linear_probe_train", P, on<double, scale::ref::context>, on<float, scale::cpu::context>) {
  using T = typename P::element;
  using B = typename P::context;
  B const b{};
  for (auto const& c : golden::cases_of("linear_probe_train")) {
    CAPTURE(c.name);
    auto const& g = c.config;
    index_t const sets = g.at("B"), clips = g.at("V");
    stored_clips<T, B> const store(b, c);
    scale::set_transformer_model<T, B> model(b, encoder_config(g), 1);
    golden::fill_parameters(b, model.parameters(), c.seed);
    scale::set_probe_config config;
    config.features = scale::clip_features::x_cls;
    config.width = g.at("D");
    config.classes = g.at("classes");
    config.norm = g.at("batch_norm") ? scale::probe_norm::batch_norm : scale::probe_norm::none;
    scale::set_probe<T, B> probe(b, config, &model, sets, clips);
    golden::fill_parameters(b, probe.params(), c.seed);
    bool const normed = config.norm == scale::probe_norm::batch_norm;
    std::pair<std::string, scale::tensor_view<T, 1, B>> const running[] = {
        {"linear.0.running_mean", probe.head().running_mean()}, {"linear.0.running_var", probe.head().running_var()}};
    if (normed)
      for (auto const& [name, view] : running) {
        auto const start = golden::fill_parameter(name, std::vector<std::int64_t>{view.extent(0)}, c.seed);
        scale::upload(b, std::span<T const>(std::vector<T>(start.begin(), start.end())), view);
      }
    scale::probe_trainer<T, B, scale::set_probe<T, B>> trainer(b, probe, store.source, scale::input_kind::paper, sets,
                                                               clips, g.at("weight_decay"));
    scale::warm_up_cosine const schedule(g.at("total_iterations"), g.at("warm_iterations"));
    draws const d(c, std::size_t(clips));
    auto const labels = c.file.template read<std::int32_t>("labels");
    std::vector<double> loss, acc, lr;
    for (std::size_t step = 0; step < g.at("steps").template get<std::size_t>(); ++step) {
      auto const videos = d.videos_of(step);
      std::vector<std::int32_t> of_batch;
      for (std::int32_t const v : videos) of_batch.push_back(labels[std::size_t(v)]);
      lr.push_back(g.at("lr").template get<double>() * schedule(double(step)));
      auto const out = trainer.step(b, videos, d.clips_of(step), of_batch,
                                    scale::probe_output_of(g.at("output_mode").template get<std::string>()), lr.back());
      loss.push_back(out.loss);
      acc.push_back(out.accuracy);
    }
    CHECK(golden::relative_error(loss, c.values("loss")) <= c.limit(P::type, "loss"));
    CHECK(golden::relative_error(acc, c.values("acc")) <= c.limit(P::type, "acc"));
    CHECK(golden::relative_error(lr, c.values("lr")) <= c.limit(P::type, "lr"));
    for (auto const& entry : probe.params().table().entries()) {
      CAPTURE(entry.name);
      CHECK(golden::relative_error(probe.params().read(b, entry.name), c.values("final/" + entry.name)) <=
            c.limit(P::type, "final"));
    }
    if (normed)
      for (auto const& [name, view] : running)
        CHECK(golden::relative_error(golden::to_host<T, 1, B>(b, view), c.values("final/" + name)) <=
              c.limit(P::type, "final"));
  }
}

TEST_CASE_TEMPLATE("golden finetune", P, on<double, scale::ref::context>, on<float, scale::cpu::context>) {
  using T = typename P::element;
  using B = typename P::context;
  B const b{};
  for (auto const& c : golden::cases_of("finetune")) {
    CAPTURE(c.name);
    auto const& g = c.config;
    index_t const sets = g.at("B"), clips = g.at("V"), width = g.at("D"), classes = g.at("classes");
    scale::set_transformer_model<T, B> const model(b, encoder_config(g), 1);
    scale::set_probe_config config;
    config.features = scale::clip_features::x_cls;
    if (g.at("append_h")) config.features = config.features | scale::clip_features::h;
    if (g.at("use_h_avg_pool")) config.features = config.features | scale::clip_features::mean_h;
    config.width = width;
    config.classes = classes;
    config.training = scale::encoder_training::trained;
    config.dropout = g.at("dropout");
    scale::set_probe<T, B> probe(b, config, &model, sets, clips);
    golden::fill_parameters(b, probe.params(), c.seed);
    auto const x = golden::to_tensor<T>(b, c.filled("x"), scale::shape{sets * clips, width});
    auto const position = golden::to_tensor<T>(b, c.filled("pos"), scale::shape{sets * clips, scale::position_width});
    scale::host_matrix<T> logits(sets * clips, classes), gradient;
    logits.values = golden::to_host<T, 2>(
        b,
        probe.forward(b, {.x = x, .input = x, .position = position, .clips = clips}, scale::batch_norm_mode::training));
    auto const output = scale::probe_output_of(g.at("output_mode").template get<std::string>());
    auto const loss =
        scale::classify_sets(logits, c.file.template read<std::int32_t>("labels"), clips, output, &gradient);
    auto const s = std::size_t(sets), v = std::size_t(clips), k = std::size_t(classes);
    std::vector<double> out;
    if (output == scale::probe_output::avg_logits) out = scale::average_logits(logits, clips).values;
    if (output == scale::probe_output::avg_probs) out = scale::average_probabilities(logits, clips).values;
    if (output == scale::probe_output::logits) {
      auto const turned = golden::clips_last(logits.values, s, v, k);
      out.assign(turned.begin(), turned.end());
    }
    CHECK(golden::relative_error(out, c.values("out")) <= c.limit(P::type, "out"));
    CHECK(golden::relative_error(std::vector<double>{loss.loss}, c.values("loss")) <= c.limit(P::type, "loss"));
    scale::tensor<T, 2, B> dlogits(b, scale::shape{sets * clips, classes});
    scale::upload(b, std::span<T const>(gradient.values), dlogits.view());
    probe.backward(b, dlogits);
    for (auto const& entry : probe.params().table().entries()) {
      CAPTURE(entry.name);
      CHECK(golden::relative_error(probe.params().read_gradient(b, entry.name), c.values("grad/" + entry.name)) <=
            c.limit(P::type, "grad"));
    }
  }
}
