// SPDX-License-Identifier: Apache-2.0
#pragma once
// Probes on stores, as `scale probe` and `scale demo` run them: which videos train and test, with what classifiers.

#include <scale/data/feature_store.hpp>
#include <scale/eval/class_list.hpp>
#include <scale/eval/knn.hpp>
#include <scale/eval/metadata_baseline.hpp>
#include <scale/eval/metrics.hpp>
#include <scale/eval/representation.hpp>
#include <scale/eval/ridge.hpp>
#include <scale/eval/splits.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/train/mlp_probe.hpp>
#include <scale/train/model_file.hpp>
#include <scale/train/probe_training.hpp>
#include <scale/train/set_probe.hpp>

#include "scale/program.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace scale::program {

struct probing_options {
  std::vector<std::string> methods = {"knn", "linear"};
  std::vector<std::string> features;  // empty: x, and with a model cls and x+cls
  std::string group;                  // column to leave one out of; empty: train and test store
  double percent = 100;               // of each class of the training videos
  index_t k = 20;
  probe_options training;
};

/// One row of the table. `averages` are top-1 of the three ways of averaging, for probes trained on clips.
struct probe_row {
  probe_result result;
  std::optional<set_accuracies> averages;
};

/// What the program keeps of a model file.
template <class T, class B>
struct loaded_model {
  loaded_model(B const& b, std::filesystem::path const& path) : file(path), model(b, file.encoder_config(), 0) {
    file.load(b, model.parameters());
  }
  trained_encoder<T, B> encoder() const { return {&model, file.description().input}; }

  model_file file;
  set_transformer_model<T, B> model;
};

/// Throws input_error where the store's features are not what the model was trained on.
inline void expect_features(model_description const& model, feature_store const& store) {
  auto const text = [&](char const* key) { return store.provenance().value(key, std::string()); };
  check_features(model, text("backbone"), text("weights_sha256"), store.feature_width());
}

/// A store ready for probing: clips, labels, and on request the representation.
template <class T, class B>
struct probe_side {
  probe_side(B const& b, feature_store const& s, loaded_model<T, B> const* model, std::stop_token stop)
      : store(s),
        clips(b, s, model == nullptr ? input_kind::paper : model->file.description().input,
              model == nullptr ? std::vector<double>() : model->file.description().input_scale) {
    std::optional<trained_encoder<T, B>> encoder;
    if (model != nullptr) encoder = model->encoder();
    representation = represent<T, B>(b, clips.source(), encoder ? &*encoder : nullptr, {.stop = stop});
  }

  /// Host features of that name. "motion": the second half of x, where frames were pooled as mean and motion.
  host_matrix<stat_t<T>> features(std::string const& name) const {
    if (name != "motion") return compose(representation, clip_features_of(name));
    host_matrix<stat_t<T>> half(representation.x.rows, representation.x.columns / 2);
    for (index_t i = 0; i < half.rows; ++i)
      for (index_t j = 0; j < half.columns; ++j) half(i, j) = representation.x(i, half.columns + j);
    return half;
  }

  host_matrix<double> metadata() const {
    std::vector<video_metadata> rows;
    for (index_t v = 0; v < store.videos(); ++v) {
      store_record const& r = store.record(v);
      rows.push_back(
          {static_cast<double>(r.width), static_cast<double>(r.height), static_cast<double>(r.frames), r.fps});
    }
    return metadata_features(rows);
  }

  feature_store const& store;
  store_clips<T, B> clips;
  video_representation<stat_t<T>> representation;
};

/// Runs every method on every kind of features; `show` sees each row as it is done. `test` may be the training store
/// itself, with options.group.
template <class T, class B>
void run_probes(B const& b, feature_store const& train_store, feature_store const& test_store,
                loaded_model<T, B> const* model, probing_options const& o, std::stop_token stop,
                std::function<void(probe_row const&)> const& show) {
  using stat = stat_t<T>;
  bool const grouped = !o.group.empty();
  probe_side<T, B> const train(b, train_store, model, stop);
  std::optional<probe_side<T, B>> other;
  if (!grouped) other.emplace(b, test_store, model, stop);
  probe_side<T, B> const& test = grouped ? train : *other;
  joint_labels const labels =
      join_labels(train_store.classes(), train_store.labels(), test.store.classes(), test.store.labels());
  index_t const classes = static_cast<index_t>(labels.classes.size());

  std::vector<fold> folds;
  if (grouped) {
    std::vector<std::string> groups;
    for (index_t v = 0; v < train_store.videos(); ++v) groups.emplace_back(train_store.column(v, o.group));
    folds = leave_one_group_out(groups);
  } else {
    fold all;
    all.train.resize(static_cast<std::size_t>(train_store.videos()));
    all.test.resize(static_cast<std::size_t>(test_store.videos()));
    std::iota(all.train.begin(), all.train.end(), index_t{0});
    std::iota(all.test.begin(), all.test.end(), index_t{0});
    folds.push_back(std::move(all));
  }
  if (o.percent < 100)
    for (fold& f : folds) {
      auto const seen = take_elements(std::span<std::int32_t const>(labels.train), std::span<index_t const>(f.train));
      std::vector<index_t> const kept = first_percent_per_class(seen, o.percent);
      f.train = take_elements(std::span<index_t const>(f.train), std::span<index_t const>(kept));
    }

  /// classify(fold, training labels) -> scores [test rows, classes] of each fold, gathered over all.
  auto const predict = [&](auto const& classify) {
    host_matrix<double> scores(test.store.videos(), classes);
    for (fold const& f : folds) {
      if (stop.stop_requested()) throw cancelled_error("probe: stopped on request");
      auto const seen = take_elements(std::span<std::int32_t const>(labels.train), std::span<index_t const>(f.train));
      auto const part = classify(f, seen);
      for (index_t i = 0; i < part.rows; ++i)
        std::copy(part.row(i).begin(), part.row(i).end(), scores.row(f.test[static_cast<std::size_t>(i)]).begin());
    }
    return scores;
  };

  std::vector<std::string> features = o.features;
  if (features.empty()) {
    features = {"x"};
    if (model != nullptr) features.insert(features.end(), {"cls", "x+cls"});
  }
  if (std::find(features.begin(), features.end(), "x") == features.end()) features.insert(features.begin(), "x");
  for (std::string const& name : features)
    if (model == nullptr && name != "x")
      throw argument_error("--features " + name + ": without --model there is only x");
  std::vector<std::string> host_features = features;
  if (train_store.provenance().value("frame_pool", std::string()) == "mean+motion") host_features.push_back("motion");

  host_matrix<double> const train_metadata = train.metadata(), test_metadata = test.metadata();
  show({{"metadata", "size+length+rate",
         measure(predict([&](fold const& f, auto const& seen) {
                   return classify_metadata(take_rows(train_metadata, std::span<index_t const>(f.train)), seen,
                                            take_rows(test_metadata, std::span<index_t const>(f.test)), classes);
                 }),
                 labels.test)},
        {}});

  auto const train_network = [&](auto const& make, std::string const& method, std::string const& name) {
    index_t const clips = test.clips.source().clips();
    host_matrix<stat> logits(test.store.videos() * clips, classes);
    input_kind const input = model == nullptr ? input_kind::paper : model->file.description().input;
    for (fold const& f : folds) {
      auto const seen = take_elements(std::span<std::int32_t const>(labels.train), std::span<index_t const>(f.train));
      auto network = make(std::min<index_t>(o.training.batch, static_cast<index_t>(f.train.size())),
                          std::max(clips, train.clips.source().clips()));
      train_probe<T, B>(b, network, train.clips.source(), input, std::span<index_t const>(f.train), seen, o.training,
                        {}, stop);
      host_matrix<stat> const part =
          test_probe<T, B>(b, network, test.clips.source(), input, std::span<index_t const>(f.test), index_t{16}, stop);
      for (std::size_t i = 0; i < f.test.size(); ++i)
        for (index_t v = 0; v < clips; ++v)
          std::copy_n(part.row(static_cast<index_t>(i) * clips + v).begin(), classes,
                      logits.row(f.test[i] * clips + v).begin());
    }
    set_accuracies const three = measure_sets(logits, labels.test, clips);
    show({{method, name, three.avg_logits}, three});
  };

  for (std::string const& method : o.methods) {
    if (method == "knn" || method == "ridge") {
      for (std::string const& name : host_features) {
        host_matrix<stat> const bank = train.features(name), queries = test.features(name);
        host_matrix<double> scores = predict([&](fold const& f, auto const& seen) {
          host_matrix<stat> const near = take_rows(bank, std::span<index_t const>(f.train));
          host_matrix<stat> const asked = take_rows(queries, std::span<index_t const>(f.test));
          host_matrix<double> out(asked.rows, classes);
          if (method == "knn") {
            auto const found = classify_knn<T>(b, near, seen, asked, classes, {.k = o.k});
            std::copy(found.scores.values.begin(), found.scores.values.end(), out.values.begin());
            for (double& value : out.values)
              if (value == 0) value = -std::numeric_limits<double>::infinity();  // no vote
          } else {
            out = fit_ridge(near, seen, classes).scores(asked);
          }
          return out;
        });
        show({{method, name, measure(scores, labels.test)}, {}});
      }
    } else if (method == "linear" || method == "finetune") {
      bool const tuned = method == "finetune";
      expect(!tuned || model != nullptr, "--method finetune", "needs --model");
      for (std::string const& name : features) {
        clip_features const parts = clip_features_of(name);
        if (tuned && !needs_model(parts)) continue;
        set_probe_config const config{.features = parts,
                                      .width = train_store.feature_width(),
                                      .classes = classes,
                                      .training = tuned ? encoder_training::trained : encoder_training::frozen,
                                      .dropout = tuned ? 0.1 : 0.0,
                                      .seed = o.training.seed};
        train_network(
            [&](index_t sets, index_t clips) {
              return set_probe<T, B>(b, config, model == nullptr ? nullptr : &model->model, std::max<index_t>(sets, 16),
                                     clips);
            },
            method, name);
      }
    } else if (method == "mlp") {
      train_network(
          [&](index_t sets, index_t clips) {
            mlp_probe_config config;
            config.features = train_store.feature_width();
            config.classes = classes;
            return mlp_probe<T, B>(b, config, std::max<index_t>(sets, 16) * clips, o.training.seed);
          },
          method, "x");
    } else {
      throw argument_error("--method: expected knn, ridge, linear, mlp or finetune, got " + method);
    }
  }
}

}  // namespace scale::program
