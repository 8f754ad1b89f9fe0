// SPDX-License-Identifier: Apache-2.0
#pragma once
// A feature store as a source of clips, together with what centred input needs.

#include <scale/data/centring.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/eval/centring_tensors.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/io/file_error.hpp>
#include <scale/ops/transfer.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace scale {

/// Borrows the store, whose videos must all have the same number of clips. Host backends read the mapped file; for
/// others features and positions are copied to their memory, once: resource_error where they do not fit. Owns the
/// videos' means where the input is centred.
template <floating T, backend B>
class store_clips {
 public:
  /// `scale`: s [D] of the training store; empty takes this store's own (it is the training store). Paper's input
  /// ignores it. Throws input_error where videos differ in clips, and for centred input of single clips.
  store_clips(B const& b, feature_store const& store, input_kind input, std::vector<double> scale = {},
              location at = location::current())
      : scale_(std::move(scale)) {
    if (store.feature_type() == stored_type::f16)
      source_.features = features_in(b, store, halves_, at);
    else
      source_.features = features_in(b, store, floats_, at);
    source_.positions = positions_in(b, store, at);
    if (input == input_kind::paper) {
      scale_.clear();
      return;
    }
    if (store.clips() < 2)
      refuse_file(store.path(),
                  "centred input needs at least two clips of each video; '" + printable(store.record(0).name) +
                      "' has a single one, as all have. Extract more clips of each, or use paper's input");
    if (scale_.empty()) scale_ = centring_scale_of(store, at);
    expect(static_cast<index_t>(scale_.size()) == store.feature_width(), "store_clips",
           "s needs one number per feature of the store", at);
    centring_ = centring_tensors<T, B>(b, video_means<stat_t<T>>(store), scale_, at);
    centring_.lend_to(source_);
    check(source_, input, at);
  }

  /// Valid as long as this object and the store.
  clip_source<T, B> const& source() const { return source_; }

  /// s [D]; empty for the paper's input.
  std::vector<double> const& scale() const { return scale_; }

 private:
  template <class S>
  static tensor_view<S const, 3, B> features_in(B const& b, feature_store const& store, tensor<S, 3, B>& there,
                                                location at) {
    if constexpr (host_backend<B>) {
      return store.features<B, S>(at);
    } else {
      there = tensor<S, 3, B>(b, shape{store.videos(), store.clips(), store.feature_width()}, at);
      std::span<std::byte const> const stored = store.raw_features();
      upload(b, std::span(reinterpret_cast<S const*>(stored.data()), stored.size() / sizeof(S)), there.view(), at);
      return there.view();
    }
  }

  tensor_view<float const, 3, B> positions_in(B const& b, feature_store const& store, location at) {
    if constexpr (host_backend<B>) {
      return store.positions<B>();
    } else {
      positions_ = tensor<float, 3, B>(b, shape{store.videos(), store.clips(), position_width}, at);
      upload(b, store.position_values(), positions_.view(), at);
      return positions_.view();
    }
  }

  tensor<f16, 3, B> halves_;
  tensor<float, 3, B> floats_, positions_;
  std::vector<double> scale_;
  centring_tensors<T, B> centring_;
  clip_source<T, B> source_;
};

}  // namespace scale
