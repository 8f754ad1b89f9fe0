// SPDX-License-Identifier: Apache-2.0
// Golden kinds linear_probe_forward and mlp_probe, and the gradients of the pieces against finite differences.
#include <scale/eval/assemble_features.hpp>
#include <scale/eval/linear_head.hpp>
#include <scale/eval/set_classification.hpp>
#include <scale/ref.hpp>
#include <scale/train/mlp_probe.hpp>

#include "train/golden_training.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using golden::on;
using scale::index_t;

template <class T>
scale::host_matrix<T> host_rows(std::vector<T> values, index_t columns) {
  scale::host_matrix<T> out(static_cast<index_t>(values.size()) / columns, columns);
  out.values = std::move(values);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("golden linear_probe_forward", P, on<double, scale::ref::context>, on<float, scale::ref::context>) {
  using T = typename P::element;
  using B = typename P::context;
  B const b{};
  for (auto const& c : golden::cases_of("linear_probe_forward")) {
    CAPTURE(c.name);
    index_t const sets = c.config.at("B"), clips = c.config.at("V"), d = c.config.at("D"), h = c.config.at("H");
    index_t const classes = c.config.at("classes"), rows = sets * clips;
    auto parts = scale::clip_features::x;
    if (c.config.at("append_h")) parts = parts | scale::clip_features::h;
    if (c.config.at("use_h_avg_pool")) parts = parts | scale::clip_features::mean_h;
    if (h > 0) parts = parts | scale::clip_features::cls;
    scale::feature_assembly<T, B> assembly(b, parts, clips, d, h, sets);
    auto const input = [&](char const* name, index_t n, index_t width) {
      return golden::to_tensor<T>(b, width > 0 ? c.filled(name) : std::vector<double>(), scale::shape{n, width});
    };
    auto const x = input("x", rows, d), hs = input("h", rows, h), cls = input("set_cls", sets, h);
    scale::tensor<T, 2, B> features(b, scale::shape{rows, assembly.width()});
    assembly.forward(b, x, hs, cls, features);
    CHECK(golden::relative_error(golden::to_host<T, 2, B>(b, features.view()), c.values("features")) <=
          c.limit(P::type, "features"));

    auto const norm = c.config.at("batch_norm") ? scale::probe_norm::batch_norm : scale::probe_norm::none;
    std::vector<scale::parameter_spec> specs;
    scale::add_linear_head(specs, assembly.width(), classes, norm);
    scale::parameters<T, B> params(b, scale::parameter_table(specs));
    golden::fill_parameters(b, params, c.seed);
    scale::linear_head<T, B> head(b, assembly.width(), classes, norm, 0, rows);
    if (norm == scale::probe_norm::batch_norm)
      for (auto const& [name, view] : {std::pair{"linear.0.running_mean", head.running_mean()},
                                       std::pair{"linear.0.running_var", head.running_var()}}) {
        std::vector<std::int64_t> const extents = {assembly.width()};
        auto const values = golden::fill_parameter(name, extents, c.seed);
        scale::upload(b, std::span<T const>(std::vector<T>(values.begin(), values.end())), view);
      }
    bool const training = c.config.at("training");
    auto const logits = golden::to_host<T, 2>(
        b, head.forward(b, params, features,
                        training ? scale::batch_norm_mode::training : scale::batch_norm_mode::inference));
    auto const s = std::size_t(sets), v = std::size_t(clips), k = std::size_t(classes);
    CHECK(golden::relative_error(golden::clips_last(logits, s, v, k), c.values("logits")) <=
          c.limit(P::type, "logits"));
    auto const matrix = host_rows(logits, classes);
    CHECK(golden::relative_error(scale::average_logits(matrix, clips).values, c.values("avg_logits")) <=
          c.limit(P::type, "avg_logits"));
    CHECK(golden::relative_error(scale::average_probabilities(matrix, clips).values, c.values("avg_probs")) <=
          c.limit(P::type, "avg_probs"));
    if (norm == scale::probe_norm::batch_norm && training) {
      CHECK(golden::relative_error(golden::to_host<T, 1, B>(b, head.running_mean()), c.values("running_mean")) <=
            c.limit(P::type, "running_mean"));
      CHECK(golden::relative_error(golden::to_host<T, 1, B>(b, head.running_var()), c.values("running_var")) <=
            c.limit(P::type, "running_var"));
    }
  }
}

TEST_CASE_TEMPLATE("golden mlp_probe", P, on<double, scale::ref::context>, on<float, scale::ref::context>) {
  using T = typename P::element;
  using B = typename P::context;
  B const b{};
  for (auto const& c : golden::cases_of("mlp_probe")) {
    CAPTURE(c.name);
    index_t const sets = c.config.at("B"), clips = c.config.at("V");
    scale::mlp_probe_config config{.features = c.config.at("D"),
                                   .classes = c.config.at("classes"),
                                   .hidden = c.config.at("hidden"),
                                   .out = c.config.at("out"),
                                   .layers = c.config.at("layers")};
    if (c.config.at("batch_norm")) config.norm = scale::probe_norm::batch_norm;
    scale::mlp_probe<T, B> probe(b, config, sets * clips, 1);
    golden::fill_parameters(b, probe.params(), c.seed);
    auto const x = golden::to_tensor<T>(b, c.filled("x"), scale::shape{sets * clips, config.features});
    auto const logits = golden::to_host<T, 2>(
        b, probe.forward(b, {.x = x, .input = {}, .position = {}, .clips = clips}, scale::batch_norm_mode::training));
    CHECK(golden::relative_error(
              golden::clips_last(logits, std::size_t(sets), std::size_t(clips), std::size_t(config.classes)),
              c.values("logits")) <= c.limit(P::type, "logits"));
    scale::host_matrix<T> dlogits;
    auto const loss =
        scale::classify_sets(host_rows(logits, config.classes), c.file.template read<std::int32_t>("labels"), clips,
                             scale::probe_output::logits, &dlogits);
    CHECK(golden::relative_error(std::vector<double>{loss.loss}, c.values("loss")) <= c.limit(P::type, "loss"));
    scale::tensor<T, 2, B> gradient(b, scale::shape{sets * clips, config.classes});
    scale::upload(b, std::span<T const>(dlogits.values), gradient.view());
    probe.backward(b, gradient);
    for (auto const& entry : probe.params().table().entries()) {
      CAPTURE(entry.name);
      CHECK(golden::relative_error(probe.params().read_gradient(b, entry.name), c.values("grad/" + entry.name)) <=
            c.limit(P::type, "grad"));
    }
  }
}

TEST_CASE("the gradient of each way of averaging, against central differences") {
  index_t const sets = 3, clips = 4, classes = 5;
  scale::host_matrix<double> logits(sets * clips, classes);
  for (std::size_t i = 0; i < logits.values.size(); ++i)
    logits.values[i] = 3 * std::sin(double(i) * 1.7) + (i == 7 ? 40 : 0);
  std::vector<std::int32_t> const labels = {1, 4, 0};
  for (auto const output :
       {scale::probe_output::logits, scale::probe_output::avg_logits, scale::probe_output::avg_probs}) {
    CAPTURE(scale::name_of(output));
    CHECK(scale::probe_output_of(scale::name_of(output)) == output);
    scale::host_matrix<double> gradient;
    scale::classify_sets(logits, labels, clips, output, &gradient);
    double const step = 1e-5;
    for (std::size_t i = 0; i < logits.values.size(); ++i) {
      auto moved = logits;
      moved.values[i] += step;
      double const above = scale::classify_sets(moved, labels, clips, output).loss;
      moved.values[i] -= 2 * step;
      double const below = scale::classify_sets(moved, labels, clips, output).loss;
      CHECK(std::abs((above - below) / (2 * step) - gradient.values[i]) < 1e-8);
    }
  }
}

TEST_CASE("the loss of averaged probabilities stays finite where every clip is sure of another class") {
  scale::host_matrix<float> logits(2, 2);
  logits(0, 0) = logits(1, 0) = 500;
  scale::host_matrix<float> gradient;
  auto const out =
      scale::classify_sets(logits, std::vector<std::int32_t>{1}, 2, scale::probe_output::avg_probs, &gradient);
  CHECK(out.loss == doctest::Approx(500));
  CHECK(gradient(0, 0) == doctest::Approx(0.5f));
  CHECK(out.accuracy == 0);
}

TEST_CASE("names of features, there and back") {
  using scale::clip_features;
  for (char const* name : {"x", "cls", "x+cls", "x+h+cls", "x+h+mean_h+cls", "h"})
    CHECK(scale::name_of(scale::clip_features_of(name)) == name);
  CHECK(scale::clip_features_of("cls+x") == clip_features::x_cls);
  CHECK(scale::width_of(clip_features::x_h_cls, 10, 3) == 16);
  for (char const* name : {"", "x+", "y", "x+x"}) CHECK_THROWS_AS(scale::clip_features_of(name), scale::argument_error);
}
