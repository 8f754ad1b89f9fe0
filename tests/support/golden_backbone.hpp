// SPDX-License-Identifier: Apache-2.0
#pragma once
// Golden files of backbones: weights filled by name, in memory; the clip of a case; how far stages and features are
// off.

#include <scale/core/tensor.hpp>
#include <scale/io/name_map.hpp>
#include <scale/ops/transfer.hpp>

#include "support/golden_fill.hpp"
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace golden {

/// Tensors by name, as an open file has them.
class memory_weights {
 public:
  std::vector<scale::stored_tensor> const& tensors() const { return tensors_; }
  std::filesystem::path path() const { return "weights in memory"; }
  std::string sha256() const { return "a hash"; }

  void add(std::string name, std::vector<std::int64_t> shape, std::vector<float> values) {
    values_.push_back(std::move(values));
    tensors_.push_back(scale::as_stored(std::move(name), std::move(shape), std::span<float const>(values_.back())));
  }

  /// Filled by `fill_name`, the name that the golden files know the tensor by.
  void add_filled(std::string name, std::vector<std::int64_t> const& shape, std::string const& fill_name,
                  std::uint64_t seed) {
    std::vector<double> const values = fill_parameter(fill_name, shape, seed);
    add(std::move(name), shape, std::vector<float>(values.begin(), values.end()));
  }

  /// Name and shape without numbers, for a tensor that nobody reads.
  void add_shape(std::string name, std::vector<std::int64_t> shape) {
    values_.emplace_back();
    tensors_.push_back({std::move(name), scale::stored_type::f32, std::move(shape), {}});
  }

  std::vector<float>& values(std::string_view name) { return values_[place(name)]; }

  void remove(std::string_view name) {
    auto const at = static_cast<std::ptrdiff_t>(place(name));
    tensors_.erase(tensors_.begin() + at);
    values_.erase(values_.begin() + at);  // moves vectors, whose numbers stay where they are
  }

 private:
  std::size_t place(std::string_view name) const {
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (tensors_[i].name == name) return i;
    throw std::invalid_argument("no such tensor: " + std::string(name));
  }

  std::vector<scale::stored_tensor> tensors_;
  std::deque<std::vector<float>> values_;  // each stays where it is, and stands where its tensor does
};

/// All tensors of a network, named and filled by `prefix` and its own names.
inline memory_weights filled_weights(std::vector<scale::weight_spec> const& specs, std::uint64_t seed,
                                     std::string const& prefix = "") {
  memory_weights weights;
  for (scale::weight_spec const& spec : specs)
    weights.add_filled(prefix + spec.name, spec.shape, prefix + spec.name, seed);
  return weights;
}

/// The clip [3, t, h, w] of a case's config.
inline std::vector<float> clip_of(nlohmann::json const& config) {
  std::int64_t const t = config.at("frames"), h = config.at("height"), w = config.at("width");
  std::uint64_t const seed = config.at("clip_seed");
  bool const noise = config.at("clip") == "noise";
  if (!noise && config.at("clip") != "blocks") throw std::invalid_argument("unknown kind of golden clip");
  std::vector<std::int64_t> const extents = {1, 3, t, h, w};
  std::vector<double> const fine = fill("clip", extents, 0, noise ? 1.5 : 0.75, seed);
  std::vector<float> clip(fine.begin(), fine.end());
  if (noise) return clip;
  std::int64_t const bt = (t + 3) / 4, bh = (h + 31) / 32, bw = (w + 31) / 32;
  std::vector<std::int64_t> const block_extents = {1, 3, bt, bh, bw}, tint_extents = {1, 3, 1, 1, 1};
  std::vector<double> const blocks = fill("clip.blocks", block_extents, 0, 1, seed);
  std::vector<double> const tint = fill("clip.tint", tint_extents, 0, 1.5, seed);
  std::size_t at = 0;
  for (std::int64_t c = 0; c < 3; ++c)
    for (std::int64_t f = 0; f < t; ++f)
      for (std::int64_t y = 0; y < h; ++y)
        for (std::int64_t x = 0; x < w; ++x, ++at) {
          float const with_block =
              clip[at] +
              static_cast<float>(blocks[static_cast<std::size_t>(((c * bt + f / 4) * bh + y / 32) * bw + x / 32)]);
          clip[at] = with_block + static_cast<float>(tint[static_cast<std::size_t>(c)]);
        }
  return clip;
}

/// The eight numbers that stand for a tensor: sum, norm, six dot products.
inline std::array<double, 8> sketch_of(std::vector<double> const& values) {
  std::array<double, 8> out{};
  for (double const v : values) out[0] += v, out[1] += v * v;
  out[1] = std::sqrt(out[1]);
  for (std::size_t j = 0; j < 6; ++j) {
    std::uint64_t const key = fill_key("sketch" + std::to_string(j), 0);
    for (std::size_t i = 0; i < values.size(); ++i)
      out[2 + j] += values[i] * (2 * (static_cast<double>(fill_bits(key, i + 1)) * 0x1p-24) - 1);
  }
  return out;
}

/// Errors of a stage, as the bounds `stage` and `head` of golden files count them.
struct stage_error {
  double sketch = 0, head = 0;

  stage_error(std::vector<double> const& values, std::vector<double> const& golden_sketch,
              std::vector<double> const& golden_head) {
    std::array<double, 8> const got = sketch_of(values);
    double const norm = golden_sketch[1], root = std::sqrt(static_cast<double>(values.size()));
    auto const keep = [](double& worst, double error) {
      if (error > worst || std::isnan(error)) worst = error;  // NaN stays
    };
    keep(sketch, std::abs(got[0] - golden_sketch[0]) / (norm * root));
    for (std::size_t i = 1; i < 8; ++i) keep(sketch, std::abs(got[i] - golden_sketch[i]) / norm);
    for (std::size_t i = 0; i < golden_head.size(); ++i)
      keep(head, std::abs(values.at(i) - golden_head[i]) / (norm / root));
  }
};

/// Errors of a feature, as the bounds `feature` and `cosine` count them.
struct feature_error {
  double feature = 0, cosine = 0;

  feature_error(std::vector<double> const& got, std::vector<double> const& expected) {
    if (got.size() != expected.size()) throw std::invalid_argument("the feature has another width than the golden one");
    double norm = 0, own = 0, dot = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      double const error = std::abs(got[i] - expected[i]);
      if (error > feature || std::isnan(error)) feature = error;
      norm += expected[i] * expected[i], own += got[i] * got[i], dot += got[i] * expected[i];
    }
    feature /= std::sqrt(norm);
    cosine = 1 - dot / std::sqrt(norm * own);
  }
};

/// All elements of a view of host memory, row-major, whatever its strides.
template <class View>
std::vector<double> row_major(View const& x) {
  constexpr int rank = scale::rank_of<View>;
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(x.size()));
  for (std::int64_t i = 0; i < x.size(); ++i) {
    std::int64_t offset = 0, rest = i;
    for (int axis = rank - 1; axis >= 0; --axis) {
      offset += rest % x.extent(axis) * x.stride(axis);
      rest /= x.extent(axis);
    }
    values.push_back(static_cast<double>(x.data_handle()[offset]));
  }
  return values;
}

/// The same on any backend, whose work is waited for.
template <class B, class View>
std::vector<double> row_major(B const& b, View const& x) {
  constexpr int rank = scale::rank_of<View>;
  using T = scale::element_t<View>;
  if (x.size() == 0) return {};
  std::int64_t reach = 1;
  for (int axis = 0; axis < rank; ++axis) reach += (x.extent(axis) - 1) * x.stride(axis);
  std::vector<T> memory(static_cast<std::size_t>(reach));
  scale::download(b, scale::tensor_view<T const, 1, B>(x.data_handle(), scale::shape<1>{{reach}}), memory);
  return row_major(scale::tensor_view<T const, rank, B>(memory.data(), x.extents(), x.strides()));
}

}  // namespace golden
