// SPDX-License-Identifier: Apache-2.0
#pragma once
// The linear layer of a probe, optionally behind batch normalisation without affine parameters.

#include <scale/nn/parameters.hpp>
#include <scale/ops/batch_norm.hpp>
#include <scale/ops/linear.hpp>

#include <string>
#include <vector>

namespace scale {

enum class probe_norm {
  none,
  batch_norm,  // over sets and clips, eps 1e-5, momentum 0.1, no affine parameters
};

/// Parameters of the layer under the released names: `linear.weight` [classes, features, 1] and `linear.bias`, or
/// `linear.1.*` behind batch normalisation. Appends to `specs`.
inline void add_linear_head(std::vector<parameter_spec>& specs, index_t features, index_t classes, probe_norm norm) {
  std::string const name = norm == probe_norm::none ? "linear" : "linear.1";
  specs.push_back({name + ".weight", {classes, features, 1}, weight_decay::yes, initial_value::uniform, features});
  specs.push_back({name + ".bias", {classes}, weight_decay::no, initial_value::uniform, features});
}

/// Forward and backward of the layer for up to `max_rows` clips. The parameters are the caller's; running statistics
/// (0 and 1 at first) and what backward needs are kept here.
template <floating T, backend B>
class linear_head {
 public:
  linear_head() = default;

  /// `weight` is the number of its weight in `table`; its bias follows.
  linear_head(B const& b, index_t features, index_t classes, probe_norm norm, std::size_t weight, index_t max_rows)
      : features_(features), classes_(classes), norm_(norm), weight_(weight), logits_(b, shape{max_rows, classes}) {
    if (norm == probe_norm::none) return;
    for (auto* each : {&running_mean_, &running_var_, &mean_, &rstd_}) *each = tensor<stat, 1, B>(b, shape{features});
    fill(b, running_mean_, 0);
    fill(b, running_var_, 1);
    normalised_ = tensor<T, 2, B>(b, shape{max_rows, features});
  }

  index_t features() const { return features_; }
  index_t classes() const { return classes_; }
  probe_norm norm() const { return norm_; }

  /// [features]; empty without batch normalisation.
  tensor_view<stat_t<T>, 1, B> running_mean() { return running_mean_; }
  tensor_view<stat_t<T>, 1, B> running_var() { return running_var_; }

  /// x [rows, features], contiguous -> logits [rows, classes], valid until the next call. In training mode the batch's
  /// statistics normalise, and the running ones move.
  tensor_view<T const, 2, B> forward(B const& b, parameters<T, B> const& params, tensor_view<T const, 2, B> x,
                                     batch_norm_mode mode) {
    index_t const rows = x.extent(0);
    if (norm_ == probe_norm::batch_norm) {
      tensor_view<T, 2, B> const z = normalised_.view().rows(0, rows);
      batch_norm_forward(b, x.reshape(shape{rows, features_, index_t{1}}),
                         {.running_mean = running_mean_,
                          .running_var = running_var_,
                          .mean = mean_,
                          .rstd = rstd_,
                          .y = z.reshape(shape{rows, features_, index_t{1}}),
                          .mode = mode});
      x = z;
    }
    tensor_view<T, 2, B> const y = logits_.view().rows(0, rows);
    linear_forward(b, x, {.weight = params.matrix(weight_), .bias = params.vector(weight_ + 1), .y = y});
    return y;
  }

  /// After forward in training mode with the same x: adds the parameters' gradients, assigns dx [rows, features] where
  /// it has data (contiguous).
  void backward(B const& b, parameters<T, B>& params, tensor_view<T const, 2, B> x, tensor_view<T const, 2, B> dlogits,
                tensor_view<T, 2, B> dx = {}) {
    index_t const rows = x.extent(0);
    bool const normed = norm_ == probe_norm::batch_norm;
    linear_backward(b, normed ? tensor_view<T const, 2, B>(normalised_.view().rows(0, rows)) : x,
                    {.dy = dlogits,
                     .weight = params.matrix(weight_),
                     .dx = dx,
                     .dweight = params.matrix_gradient(weight_),
                     .dbias = params.vector_gradient(weight_ + 1)});
    if (!normed || !dx.has_data()) return;
    shape const planes{rows, features_, index_t{1}};
    batch_norm_backward(b, x.reshape(planes),
                        {.dy = dx.reshape(planes),
                         .mean = mean_,
                         .rstd = rstd_,
                         .dx = dx.reshape(planes),
                         .mode = batch_norm_mode::training});
  }

 private:
  using stat = stat_t<T>;

  index_t features_ = 0, classes_ = 0;
  probe_norm norm_ = probe_norm::none;
  std::size_t weight_ = 0;
  tensor<stat, 1, B> running_mean_, running_var_, mean_, rstd_;
  tensor<T, 2, B> normalised_, logits_;
};

}  // namespace scale
