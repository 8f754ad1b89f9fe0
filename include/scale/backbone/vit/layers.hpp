// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layers with weights that never change: packed linear layers and layer norms, and how they are read from a file.

#include <scale/io/name_map.hpp>
#include <scale/ops/layer_norm.hpp>
#include <scale/ops/packed_linear.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// A matrix of which the number of rows changes from call to call. Grows, is kept, holds nothing from one call to the
/// next.
template <element T, backend B>
class row_buffer {
 public:
  tensor_view<T, 2, B> rows(B const& b, index_t n, index_t c) {
    if (data_.extent(0) < n * c) {
      data_ = tensor<T, 1, B>();  // first, so that old and new are never there together
      data_ = tensor<T, 1, B>(b, shape{n * c});
    }
    return {data_.data_handle(), shape{n, c}};
  }

 private:
  tensor<T, 1, B> data_;
};

template <floating T, backend B>
struct frozen_linear {
  tensor<T, 1, B> packed, bias;
  index_t outputs = 0;

  /// y = act(x W^T + bias)
  void forward(B const& b, tensor_view<T const, 2, B> x, tensor_view<T, 2, B> y,
               activation act = activation::none) const {
    packed_linear(b, x, {.packed = packed, .bias = bias, .y = y, .act = act});
  }

  /// y += x W^T + bias
  void add(B const& b, tensor_view<T const, 2, B> x, tensor_view<T, 2, B> y) const {
    packed_linear(b, x, {.packed = packed, .bias = bias, .y = y, .mode = write_mode::accumulate});
  }
};

template <floating T, backend B>
struct frozen_norm {
  tensor<T, 1, B> gamma, beta;
  double eps = 0;

  /// `statistics` keeps the rows' mean and deviation during the call.
  void forward(B const& b, tensor_view<T const, 2, B> x, tensor_view<T, 2, B> y,
               row_buffer<stat_t<T>, B>& statistics) const {
    index_t const n = x.extent(0);
    tensor_view<stat_t<T>, 2, B> const both = statistics.rows(b, 2, n);
    layer_norm_forward(b, x,
                       {.gamma = gamma,
                        .beta = beta,
                        .y = y,
                        .mean = both.rows(0, 1).reshape(shape{n}),
                        .rstd = both.rows(1, 1).reshape(shape{n}),
                        .eps = eps});
  }
};

/// Makes layers from loaded weights, one tensor at a time. A tensor that was allowed to be missing is zero.
template <floating T, backend B>
class frozen_reader {
 public:
  frozen_reader(B const& b, loaded_weights const& weights) : b_(b), weights_(weights) {}

  template <class V = stat_t<T>>
  std::vector<V> values(std::string const& name, index_t n) const {
    if (!weights_.contains(name)) return std::vector<V>(static_cast<std::size_t>(n), V(0));
    return weights_.template read<V>(name);
  }

  tensor<T, 1, B> vector(std::vector<stat_t<T>> const& numbers) const {
    tensor<T, 1, B> result(b_, shape{static_cast<index_t>(numbers.size())});
    upload_numbers(numbers, result);
    return result;
  }

  tensor<T, 1, B> vector(std::string const& name, index_t n) const { return vector(values(name, n)); }

  /// `name` + ".weight" [outputs, inputs] (more axes count as inputs), and a bias of the caller's.
  frozen_linear<T, B> linear(std::string const& name, index_t inputs, index_t outputs, tensor<T, 1, B> bias) const {
    tensor<T, 2, B> weight(b_, shape{outputs, inputs});
    upload_numbers(values(name + ".weight", outputs * inputs), weight);
    frozen_linear<T, B> layer{tensor<T, 1, B>(b_, shape{packed_linear_size<T>(b_, inputs, outputs)}), std::move(bias),
                              outputs};
    pack_linear(b_, weight, {.packed = layer.packed});
    return layer;
  }

  frozen_linear<T, B> linear(std::string const& name, index_t inputs, index_t outputs) const {
    return linear(name, inputs, outputs, vector(name + ".bias", outputs));
  }

  frozen_norm<T, B> norm(std::string const& name, index_t width, double eps) const {
    return {vector(name + ".weight", width), vector(name + ".bias", width), eps};
  }

 private:
  template <class Tensor>
  void upload_numbers(std::vector<stat_t<T>> const& numbers, Tensor& to) const {
    if constexpr (std::same_as<T, stat_t<T>>) {
      upload(b_, numbers, to);
    } else {
      std::vector<T> converted(numbers.size());
      std::transform(numbers.begin(), numbers.end(), converted.begin(), [](stat_t<T> v) { return T(v); });
      upload(b_, converted, to);
    }
  }

  B const& b_;
  loaded_weights const& weights_;
};

}  // namespace scale
