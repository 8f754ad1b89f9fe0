// SPDX-License-Identifier: Apache-2.0
#pragma once
// Any backbone behind one type, so that only the file that makes it has to compile it.

#include <scale/backbone/backbone.hpp>
#include <scale/io/name_map.hpp>

#include <memory>
#include <string>
#include <utility>

namespace scale::program {

/// Owns a backbone; satisfies clip_backbone. Moves, does not copy.
template <floating T, backend B>
class loaded_backbone {
 public:
  template <clip_backbone<T, B> Backbone>
  explicit loaded_backbone(Backbone backbone)
      : name(backbone.name), input(backbone.input), self_(std::make_unique<model<Backbone>>(std::move(backbone))) {}

  std::string name;
  backbone_input input;

  backbone_defaults defaults() const { return self_->defaults(); }
  index_t feature_width() const { return self_->feature_width(); }
  std::string weights_sha256() const { return self_->weights_sha256(); }

  /// How its weights were read; null where it has none.
  loading_report const* loading() const { return self_->loading(); }

  /// Of one that looks at frames.
  frame_pooling pooling() const { return self_->pooling(); }

  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features) {
    self_->forward(b, clips, features);
  }

 private:
  struct interface {
    virtual ~interface() = default;
    virtual backbone_defaults defaults() const = 0;
    virtual index_t feature_width() const = 0;
    virtual std::string weights_sha256() const = 0;
    virtual loading_report const* loading() const = 0;
    virtual frame_pooling pooling() const = 0;
    virtual void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features) = 0;
  };

  template <class Backbone>
  struct model final : interface {
    explicit model(Backbone b) : backbone(std::move(b)) {}

    backbone_defaults defaults() const override { return backbone.defaults(); }
    index_t feature_width() const override { return backbone.feature_width(); }
    std::string weights_sha256() const override { return backbone.weights_sha256(); }
    loading_report const* loading() const override {
      if constexpr (requires { backbone.loading(); })
        return &backbone.loading();
      else
        return nullptr;
    }
    frame_pooling pooling() const override {
      if constexpr (pools_frames<Backbone>)
        return backbone.pooling();
      else
        return frame_pooling::mean;
    }
    void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features) override {
      backbone.forward(b, clips, features);
    }

    Backbone backbone;
  };

  std::unique_ptr<interface> self_;
};

}  // namespace scale::program
