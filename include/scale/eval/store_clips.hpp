// SPDX-License-Identifier: Apache-2.0
#pragma once
// A feature store as a source of clips, together with what centred input needs.

#include <scale/data/centring.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/eval/centring_tensors.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/io/file_error.hpp>

#include <utility>
#include <vector>

namespace scale {

/// Borrows the store, whose videos must all have the same number of clips; host backends only, which read the mapped
/// file. Owns the videos' means where the input is centred.
template <floating T, host_backend B>
class store_clips {
 public:
  /// `scale`: s [D] of the training store; empty takes this store's own (it is the training store). Paper's input
  /// ignores it. Throws input_error where videos differ in clips, and for centred input of single clips.
  store_clips(B const& b, feature_store const& store, input_kind input, std::vector<double> scale = {},
              location at = location::current())
      : scale_(std::move(scale)) {
    if (store.feature_type() == stored_type::f16)
      source_.features = store.features<B, f16>(at);
    else
      source_.features = store.features<B, float>(at);
    source_.positions = store.positions<B>();
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
  std::vector<double> scale_;
  centring_tensors<T, B> centring_;
  clip_source<T, B> source_;
};

}  // namespace scale
