// SPDX-License-Identifier: Apache-2.0
#pragma once
// Probes on stores, as `scale probe` and `scale demo` run them: which videos train and test, with what classifiers.

#include <scale/data/feature_store.hpp>
#include <scale/eval/evaluate.hpp>
#include <scale/eval/representation.hpp>
#include <scale/eval/same_extraction.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/eval/store_split.hpp>
#include <scale/train/model_file.hpp>
#include <scale/train/probe_runs.hpp>

#include "scale/live_line.hpp"
#include "scale/program.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
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

inline void require_distinct(std::string const& option, std::vector<std::string> const& values) {
  std::set<std::string> seen;
  for (std::string const& value : values)
    if (!seen.insert(value).second) wrong_usage(option, "each name once", value + " twice");
}

/// The name in its usual order of parts.
inline std::string canonical_features(std::string const& name) {
  try {
    return name_of(clip_features_of(name));
  } catch (argument_error const&) {
    wrong_usage("--features", "some of x, h, mean_h, cls joined by +", name);
  }
}

/// The options with features filled in and named in one way, x first where it was left out. Throws argument_error for
/// what cannot be.
inline probing_options checked(probing_options o, bool with_model) {
  static std::set<std::string> const methods = {"knn", "ridge", "linear", "mlp", "finetune"};
  for (std::string const& method : o.methods)
    if (!methods.contains(method)) wrong_usage("--method", "some of knn, ridge, linear, mlp, finetune", method);
  require_distinct("--method", o.methods);
  if (o.features.empty())
    o.features = with_model ? std::vector<std::string>{"x", "cls", "x+cls"} : std::vector<std::string>{"x"};
  for (std::string& name : o.features) {
    name = canonical_features(name);
    if (name != "x" && !with_model) wrong_usage("--features", "x, which is all without a model", name, "give --model");
  }
  require_distinct("--features", o.features);
  if (std::ranges::count(o.features, "x") == 0) o.features.insert(o.features.begin(), "x");
  if (std::ranges::count(o.methods, "finetune") != 0 && o.features.size() < 2)
    wrong_usage("--method finetune", "a model and features that it makes", "x alone",
                "give --model, and --features other than x");
  if (!(o.percent > 0 && o.percent <= 100))
    wrong_usage("--percent", "above 0 and at most 100", fmt::format("{}", o.percent));
  check(o.training, location{});
  return o;
}

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

/// A store ready for probing, all its checksums right: its clips, and what the model makes of each video.
template <class T, class B>
struct probe_side {
  probe_side(B const& b, feature_store const& s, loaded_model<T, B> const* model, std::stop_token stop)
      : store(s),
        clips(b, s, model == nullptr ? input_kind::paper : model->file.description().input,
              model == nullptr ? std::vector<double>() : model->file.description().input_scale) {
    store.verify();
    std::optional<trained_encoder<T, B>> encoder;
    if (model != nullptr) encoder = model->encoder();
    representation = represent<T, B>(b, clips.source(), encoder ? &*encoder : nullptr, {.stop = stop});
  }

  feature_store const& store;
  store_clips<T, B> clips;
  video_representation<stat_t<T>> representation;
};

/// All that the methods of a table share. Everything given is borrowed.
template <class T, class B>
class probing {
 public:
  using stat = stat_t<T>;

  probing(B const& b, feature_store const& train_store, feature_store const& test_store,
          loaded_model<T, B> const* model, probing_options const& o, std::stop_token stop, live_line* line)
      : b_(b),
        model_(model),
        o_(checked(o, model != nullptr)),
        stop_(stop),
        line_(line),
        split_(split_of(train_store, test_store)),
        train_(b, train_store, model, stop) {
    if (o_.group.empty()) other_.emplace(b, test_store, model, stop);
    if (line_ != nullptr && train_store.provenance().at("frame_pool") == "mean")
      line_->note(
          "the backbone saw single frames: extract with --frame-pool mean+motion to see here what the mean "
          "difference of neighbouring frames tells by itself");
  }

  /// `show` sees each row as it is done.
  void run(std::function<void(probe_row const&)> const& show) {
    show({{"metadata", "size+length+rate", evaluate_metadata(train_.store, test().store, split_, stop_)}, {}});
    for (std::string const& method : o_.methods) {
      if (method == "knn" || method == "ridge") {
        for (std::string const& name : o_.features)
          show(averaged(method, name, features(train_, name), features(test(), name)));
        if (has_motion()) show(averaged(method, "motion", motion(train_), motion(test())));
      } else if (method == "linear") {
        for (std::string const& name : o_.features) show(trained(method, name));
      } else if (method == "mlp") {
        show(trained(method, "x"));
      } else {
        // There is nothing to tune in x: its row is the linear probe's.
        if (std::ranges::count(o_.methods, "linear") == 0) show(trained("linear", "x"));
        for (std::string const& name : o_.features)
          if (name != "x") show(trained(method, name));
      }
    }
  }

 private:
  bool grouped() const { return !o_.group.empty(); }
  probe_side<T, B> const& test() const { return other_ ? *other_ : train_; }

  store_split split_of(feature_store const& train, feature_store const& test) const {
    if (!grouped()) require_same_extraction(train, test);
    if (model_ != nullptr)
      for (feature_store const* store : {&train, &test}) check_features(model_->file.description(), *store);
    store_split split = grouped() ? split_by_group(train, o_.group) : split_of_stores(train, test);
    if (o_.percent < 100) keep_first_percent(split, o_.percent);
    bool const near = std::ranges::count(o_.methods, "knn") != 0;
    for (fold const& f : split.folds)
      if (near && (f.test.size() < 2 || f.train.size() < 2))
        refuse_file(test.path(),
                    fmt::format("knn needs two videos or more to learn from and to test on, since it centres both by "
                                "their own means; found {} and {}{}. Leave out --method knn, or {}",
                                f.train.size(), f.test.size(),
                                grouped() ? " where '" + printable(f.name) + "' is left out" : "",
                                grouped() ? "name another --group" : "give larger stores"));
    return split;
  }

  /// Whether the second half of x is the mean absolute difference of neighbouring frames: a baseline by itself.
  bool has_motion() const { return train_.store.provenance().at("frame_pool") == "mean+motion"; }

  static host_matrix<stat> features(probe_side<T, B> const& side, std::string const& name) {
    return compose(side.representation, clip_features_of(name));
  }

  static host_matrix<stat> motion(probe_side<T, B> const& side) {
    host_matrix<stat> const& x = side.representation.x;
    host_matrix<stat> half(x.rows, x.columns / 2);
    for (index_t i = 0; i < half.rows; ++i)
      std::ranges::copy(x.row(i).last(std::size_t(half.columns)), half.row(i).begin());
    return half;
  }

  /// A method that sees one row per video.
  probe_row averaged(std::string const& method, std::string const& name, host_matrix<stat> const& train,
                     host_matrix<stat> const& test) const {
    if (method == "ridge") return {{method, name, evaluate_ridge(train, test, split_, {}, stop_)}, {}};
    return {{method, name, evaluate_knn<T>(b_, train, test, split_, {.k = o_.k}, stop_)}, {}};
  }

  /// A method that is trained on clips.
  probe_row trained(std::string const& method, std::string const& name) {
    using side = probe_split<T, B>;
    index_t const width = train_.store.feature_width();
    std::optional<trained_encoder<T, B>> encoder;
    if (model_ != nullptr) encoder = model_->encoder();
    std::size_t number = 0;
    auto const run_fold = [&](side const& from, side const& to, fold const&) {
      train_callbacks const callbacks = callbacks_of(fmt::format(
          "{} on {}{}", method, name, grouped() ? fmt::format(", fold {}/{}", ++number, split_.folds.size()) : ""));
      if (method == "mlp") {
        mlp_probe_config config;
        config.features = width;
        config.classes = split_.classes();
        return run_mlp_probe<T, B>(b_, from, to, config, o_.training, callbacks, stop_);
      }
      bool const tuned = method == "finetune";
      set_probe_config const config{.features = clip_features_of(name),
                                    .width = width,
                                    .classes = split_.classes(),
                                    .training = tuned ? encoder_training::trained : encoder_training::frozen,
                                    .dropout = tuned ? 0.1 : 0.0,
                                    .seed = o_.training.seed};
      return run_set_probe<T, B>(b_, from, to, encoder ? &*encoder : nullptr, config, o_.training, callbacks, stop_);
    };
    set_accuracies const three = evaluate_probe(train_.clips.source(), test().clips.source(), split_, run_fold);
    return {{method, name, three.avg_logits}, three};
  }

  train_callbacks callbacks_of(std::string const& what) {
    train_callbacks callbacks;
    if (line_ == nullptr) return callbacks;
    callbacks.message = [this](std::string_view text) {
      if (said_.emplace(text).second) line_->note(std::string(text));  // once, not for every method and fold
    };
    callbacks.progress = [this, what](train_progress const& p) {
      line_->show(fmt::format("{}: epoch {}/{} loss {:.4f} acc {:.1f} % lr {:.2e} {:.0f} videos/s, {} left", what,
                              p.epoch, p.epochs, p.loss, p.accuracy, p.lr, p.rate, duration_text(p.eta)));
    };
    return callbacks;
  }

  B b_;
  loaded_model<T, B> const* model_;
  probing_options o_;
  std::stop_token stop_;
  live_line* line_;
  store_split split_;
  probe_side<T, B> train_;
  std::optional<probe_side<T, B>> other_;  // none where groups of the one store are left out
  std::set<std::string, std::less<>> said_;
};

/// Runs every method on every kind of features; `show` sees each row as it is done. `test` may be the training store
/// itself, with options.group. Progress goes to `line`, where there is one.
template <class T, class B>
void run_probes(B const& b, feature_store const& train, feature_store const& test, loaded_model<T, B> const* model,
                probing_options const& o, std::stop_token stop, std::function<void(probe_row const&)> const& show,
                live_line* line = nullptr) {
  probing<T, B>(b, train, test, model, o, stop, line).run(show);
}

}  // namespace scale::program
