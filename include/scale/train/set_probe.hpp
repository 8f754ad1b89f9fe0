// SPDX-License-Identifier: Apache-2.0
#pragma once
// A classifier of sets: the set transformer, frozen or trained too, and a linear layer on what it makes of each clip.

#include <scale/eval/assemble_features.hpp>
#include <scale/eval/linear_head.hpp>
#include <scale/nn/encoding_step.hpp>
#include <scale/train/probe_batch.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace scale {

enum class encoder_training {
  frozen,   // linear probe
  trained,  // fine-tuning
};

struct set_probe_config {
  clip_features features = clip_features::x_cls;
  index_t width = 0;  // D, the backbone's
  index_t classes = 0;
  probe_norm norm = probe_norm::none;
  encoder_training training = encoder_training::frozen;
  double dropout = 0;       // of the encoder while it is trained
  std::uint64_t seed = 42;  // of dropout and of the linear layer's start
};

/// Trained parameters: the linear layer's (see add_linear_head), behind the set transformer's where that is trained.
inline std::vector<parameter_spec> set_probe_parameters(set_probe_config const& c,
                                                        set_transformer_config const& encoder) {
  std::vector<parameter_spec> specs;
  if (c.training == encoder_training::trained) specs = set_transformer_parameters(encoder);  // numbered as an encoder's
  add_linear_head(specs, width_of(c.features, c.width, encoder.width), c.classes, c.norm);
  return specs;
}

/// Sizes are planned for `max_sets` sets of `max_clips` clips.
template <floating T, backend B>
class set_probe {
 public:
  /// `model` is the pre-trained set transformer: borrowed where it stays frozen, else copied without its heads. Null
  /// where the features are x alone.
  set_probe(B const& b, set_probe_config const& config, set_transformer_model<T, B> const* model, index_t max_sets,
            index_t max_clips, location at = location::current())
      : config_(config), frozen_(model), max_sets_(max_sets) {
    bool const encodes = needs_model(config.features);
    expect(config.width >= 1 && config.classes >= 1, "set_probe", "width and classes must be at least 1", at);
    expect(encodes || !trained(), "set_probe", "there is no set transformer to train where the features are x alone",
           at);
    expect(!encodes || model != nullptr, "set_probe", "features " + name_of(config.features) + " need a model", at);
    if (encodes) encoder_config_ = model->config();
    if (trained()) encoder_config_.heads = pretraining_heads::absent;
    index_t const rows = max_sets * max_clips, h = encodes ? encoder_config_.width : 0;
    index_t const width = width_of(config.features, config.width, h);
    params_ = parameters<T, B>(b, parameter_table(set_probe_parameters(config, encoder_config_)));
    params_.initialise(b, config.seed);
    params_.require_gradients(b);
    head_ = linear_head<T, B>(b, width, config.classes, config.norm, params_.table().entries().size() - 2, rows);
    features_ = tensor<T, 2, B>(b, shape{rows, width});
    if (!encodes) return;
    h_ = tensor<T, 2, B>(b, shape{rows, h});
    cls_ = tensor<T, 2, B>(b, shape{max_sets, h});
    encoder_ = std::make_unique<encoding_step<T, B>>(
        b, encoder_config_, trained() ? params_.table() : model->parameters().table(),
        trained() ? pass::training : pass::inference, max_sets, max_clips, at);
    if (!trained()) return;
    for (parameter_entry const& entry : model->parameters().table().entries())
      if (params_.table().contains(entry.name)) params_.write(b, entry.name, model->parameters().read(b, entry.name));
    dfeatures_ = tensor<T, 2, B>(b, shape{rows, width});
    dh_ = tensor<T, 2, B>(b, shape{rows, h});
    dcls_ = tensor<T, 2, B>(b, shape{max_sets, h});
  }

  set_probe_config const& config() const { return config_; }
  parameters<T, B>& params() { return params_; }
  linear_head<T, B>& head() { return head_; }
  index_t classes() const { return config_.classes; }
  bool reads_input() const { return encoder_ != nullptr; }  // besides x

  /// Logits [sets * clips, classes], valid until the next call. `step` numbers the dropout of a training step.
  tensor_view<T const, 2, B> forward(B const& b, probe_batch<T, B> const& in, batch_norm_mode mode,
                                     std::uint32_t step = 0) {
    index_t const rows = in.x.extent(0);
    tensor_view<T, 2, B> h, cls;
    if (encoder_) {
      if (uses_h()) h = h_.view().rows(0, rows);
      cls = cls_.view().rows(0, rows / in.clips);
      clip_sets<T, B> const sets{.x = in.input, .position = in.position, .clips = in.clips};
      if (trained() && mode == batch_norm_mode::training)
        encoder_->forward(b, params_, sets, {.p = config_.dropout, .seed = config_.seed, .step = step},
                          {.h = h, .cls = cls});
      else
        encoder_->encode(b, encoder_params(), sets, {.h = h, .cls = cls});
    }
    assemble_for(b, in.clips);
    batch_features_ = features_.view().rows(0, rows);
    assembly_.forward(b, in.x, h, cls, batch_features_);
    return head_.forward(b, params_, batch_features_, mode);
  }

  /// After forward in training mode: adds the gradients of all trained parameters.
  void backward(B const& b, tensor_view<T const, 2, B> dlogits) {
    if (!trained()) return head_.backward(b, params_, batch_features_, dlogits);
    index_t const rows = batch_features_.extent(0);
    tensor_view<T, 2, B> const dfeatures = dfeatures_.view().rows(0, rows);
    tensor_view<T, 2, B> const dcls = dcls_.view().rows(0, rows / assembly_.clips());
    tensor_view<T, 2, B> dh;
    if (uses_h()) dh = dh_.view().rows(0, rows);
    head_.backward(b, params_, batch_features_, dlogits, dfeatures);
    assembly_.backward(b, dfeatures, dh, dcls);
    encoder_->backward(b, params_, {.dh = dh, .dcls = dcls});
  }

 private:
  bool trained() const { return config_.training == encoder_training::trained; }
  bool uses_h() const {
    return has(config_.features, clip_features::h) || has(config_.features, clip_features::mean_h);
  }
  parameters<T, B> const& encoder_params() const { return trained() ? params_ : frozen_->parameters(); }

  void assemble_for(B const& b, index_t clips) {
    if (assembly_.clips() == clips && assembled_) return;
    index_t const h = encoder_ ? encoder_config_.width : 0;
    assembly_ = feature_assembly<T, B>(b, config_.features, clips, config_.width, h, max_sets_);
    assembled_ = true;
  }

  set_probe_config config_;
  set_transformer_model<T, B> const* frozen_;
  index_t max_sets_;
  set_transformer_config encoder_config_;
  parameters<T, B> params_;
  linear_head<T, B> head_;
  std::unique_ptr<encoding_step<T, B>> encoder_;
  feature_assembly<T, B> assembly_;
  bool assembled_ = false;
  tensor<T, 2, B> h_, cls_, features_, dfeatures_, dh_, dcls_;
  tensor_view<T, 2, B> batch_features_;
};

}  // namespace scale
