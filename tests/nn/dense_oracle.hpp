// SPDX-License-Identifier: Apache-2.0
#pragma once
// The set transformer and its objectives written out plainly in double: every clip, every token, every score, no
// operator of the library but its random numbers.

#include <nn/network_case.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace testing {

using matrix = std::vector<std::vector<double>>;

class dense_oracle {
 public:
  using read_function = std::function<std::vector<double>(std::string const&)>;

  dense_oracle(scale::set_transformer_config const& config, read_function read) : c_(config), read_(std::move(read)) {}

  double dropout = 0;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  /// Rows of all tokens after the final norm: set after set, summary first.
  matrix tokens(clip_numbers const& in) const {
    auto const h = std::size_t(c_.width), d = std::size_t(in.features);
    matrix x(std::size_t(in.sets * in.clips)), position(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i].assign(in.x.begin() + std::ptrdiff_t(i * d), in.x.begin() + std::ptrdiff_t((i + 1) * d));
      position[i].assign(in.position.begin() + std::ptrdiff_t(i * 7), in.position.begin() + std::ptrdiff_t(i * 7 + 7));
    }
    matrix const projected = linear(x, "input_projection");
    matrix hidden = linear(position, "pos_encoding_mlp.0");
    for (auto& row : hidden)
      for (double& value : row) value = value > 0 ? value : 0;
    matrix const place = linear(hidden, "pos_encoding_mlp.2");
    std::vector<double> const cls = read_("set_cls_token");
    matrix all;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i % std::size_t(in.clips) == 0) all.push_back(cls);
      std::vector<double> row = in.mask[i] != 0 ? read_("msk_token") : projected[i];
      for (std::size_t j = 0; j < h; ++j) row[j] += place[i][j];
      all.push_back(row);
    }
    for (index_t layer = 0; layer < c_.layers; ++layer)
      all = block(all, "transformer." + std::to_string(layer), std::uint32_t(4 * layer), std::size_t(in.clips + 1));
    return norm(all, "norm");
  }

  struct losses {
    double set_loss = 0, dense_loss = 0, total = 0, set_accuracy = 0, dense_accuracy = 0;
    matrix z;
  };

  losses evaluate(clip_numbers const& in) const {
    matrix const all = tokens(in);
    auto const per_set = std::size_t(in.clips + 1);
    matrix summaries, predictions, x(in.mask.size());
    std::vector<std::size_t> masked;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % per_set == 0) {
        summaries.push_back(all[i]);
        continue;
      }
      std::size_t const clip = i - i / per_set - 1;
      auto const begin = in.x.begin() + std::ptrdiff_t(clip) * in.features;
      x[clip].assign(begin, begin + in.features);
      if (in.mask[clip] == 0) continue;
      masked.push_back(clip);
      predictions.push_back(all[i]);
    }
    losses out;
    out.z = unit(head(summaries, "set_head", 2));
    matrix first, second;
    std::vector<std::size_t> own;
    for (std::size_t i = 0; i < out.z.size(); ++i) (i % 2 == 0 ? first : second).push_back(out.z[i]);
    for (std::size_t i = 0; i < first.size(); ++i) own.push_back(i);
    double hits1 = 0, hits2 = 0, hits3 = 0;
    out.set_loss = (contrast(first, second, own, c_.set_temperature, hits1) +
                    contrast(second, first, own, c_.set_temperature, hits2)) /
                   2;
    out.set_accuracy = (hits1 + hits2) / 2;
    if (!masked.empty())
      out.dense_loss = contrast(unit(head(predictions, "dense_pred_head", 2)), unit(head(x, "dense_target_head", 3)),
                                masked, c_.dense_temperature, hits3);
    out.dense_accuracy = hits3;
    out.total = (c_.set_weight * out.set_loss + c_.dense_weight * out.dense_loss) / (c_.set_weight + c_.dense_weight);
    return out;
  }

 private:
  matrix linear(matrix const& x, std::string const& name, bool bias = true) const {
    std::vector<double> const w = read_(name + ".weight");
    std::vector<double> const b = bias ? read_(name + ".bias") : std::vector<double>{};
    if (x.empty()) return {};
    std::size_t const in = x[0].size(), out = w.size() / in;
    matrix y(x.size(), std::vector<double>(out));
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t o = 0; o < out; ++o) {
        double sum = bias ? b[o] : 0;
        for (std::size_t k = 0; k < in; ++k) sum += x[i][k] * w[o * in + k];
        y[i][o] = sum;
      }
    return y;
  }

  matrix norm(matrix const& x, std::string const& name) const {
    std::vector<double> const gamma = read_(name + ".weight"), beta = read_(name + ".bias");
    matrix y = x;
    for (auto& row : y) {
      double mean = 0, variance = 0;
      for (double const v : row) mean += v / double(row.size());
      for (double const v : row) variance += (v - mean) * (v - mean) / double(row.size());
      for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = (row[j] - mean) / std::sqrt(variance + 1e-5) * gamma[j] + beta[j];
    }
    return y;
  }

  void drop(matrix& x, std::uint32_t place) const {
    scale::random_key const key = scale::make_key(seed, step, scale::purpose::dropout, place);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < x[i].size(); ++j) x[i][j] *= keep(key, i * x[i].size() + j);
  }

  double keep(scale::random_key key, std::size_t index) const {
    if (dropout == 0) return 1;
    return scale::dropout_keeps(key, index, dropout) ? 1 / (1 - dropout) : 0;
  }

  matrix block(matrix const& x, std::string const& name, std::uint32_t place, std::size_t tokens) const {
    matrix const qkv = linear(norm(x, name + ".norm1"), name + ".attn.qkv");
    auto const h = std::size_t(c_.width), heads = h / 32;
    scale::random_key const key = scale::make_key(seed, step, scale::purpose::dropout, place);
    matrix attended(x.size(), std::vector<double>(h));
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t head = 0; head < heads; ++head) {
        std::size_t const first = i / tokens * tokens;
        std::vector<double> weight(tokens);
        double sum = 0;
        for (std::size_t t = 0; t < tokens; ++t) {
          double score = 0;
          for (std::size_t j = head * 32; j < head * 32 + 32; ++j) score += qkv[i][j] * qkv[first + t][h + j];
          weight[t] = std::exp(score / std::sqrt(32.0));
          sum += weight[t];
        }
        for (std::size_t t = 0; t < tokens; ++t) {
          double const w = weight[t] / sum * keep(key, (i * heads + head) * tokens + t);
          for (std::size_t j = head * 32; j < head * 32 + 32; ++j) attended[i][j] += w * qkv[first + t][2 * h + j];
        }
      }
    matrix branch = linear(attended, name + ".attn.proj");
    drop(branch, place + 1);
    matrix const middle = sum_of(x, branch);
    matrix act = linear(norm(middle, name + ".norm2"), name + ".mlp.fc1");
    gelu(act);
    drop(act, place + 2);
    branch = linear(act, name + ".mlp.fc2");
    drop(branch, place + 3);
    return sum_of(middle, branch);
  }

  static matrix sum_of(matrix a, matrix const& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < a[i].size(); ++j) a[i][j] += b[i][j];
    return a;
  }

  static void gelu(matrix& x) {
    for (auto& row : x)
      for (double& v : row) v = v * std::erfc(-v / std::sqrt(2.0)) / 2;
  }

  matrix head(matrix x, std::string const& name, int layers) const {
    for (int i = 0; i < layers; ++i) {
      if (i > 0) gelu(x);
      x = linear(x, name + "." + std::to_string(2 * i), false);
    }
    return x;
  }

  static matrix unit(matrix x) {
    for (auto& row : x) {
      double norm = 0;
      for (double const v : row) norm += v * v;
      for (double& v : row) v /= std::sqrt(norm);
    }
    return x;
  }

  /// Mean loss of the queries; `hits` = top-1 in percent.
  static double contrast(matrix const& queries, matrix const& keys, std::vector<std::size_t> const& target, double tau,
                         double& hits) {
    double loss = 0;
    hits = 0;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      double sum = 0, own = 0, best = -1e300;
      std::size_t winner = 0;
      for (std::size_t j = 0; j < keys.size(); ++j) {
        double score = 0;
        for (std::size_t k = 0; k < keys[j].size(); ++k) score += queries[i][k] * keys[j][k];
        score /= tau;
        sum += std::exp(score);
        if (j == target[i]) own = score;
        if (score > best) best = score, winner = j;
      }
      loss += (std::log(sum) - own) / double(queries.size());
      hits += winner == target[i] ? 100.0 / double(queries.size()) : 0;
    }
    return loss;
  }

  scale::set_transformer_config c_;
  read_function read_;
};

/// An oracle with the parameters of a model.
template <scale::floating T, scale::backend B>
dense_oracle oracle_of(B const& b, scale::set_transformer_model<T, B> const& model) {
  return dense_oracle(model.config(), [&b, &model](std::string const& name) {
    return converted<double>(model.parameters().read(b, name));
  });
}

inline std::vector<double> flat(matrix const& m) {
  std::vector<double> all;
  for (auto const& row : m) all.insert(all.end(), row.begin(), row.end());
  return all;
}

}  // namespace testing
