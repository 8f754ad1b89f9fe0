// SPDX-License-Identifier: Apache-2.0
#pragma once
// Linear probe in closed form: ridge regression on one-hot labels, its strength chosen on the training split alone.

#include <scale/eval/host_matrix.hpp>
#include <scale/eval/metrics.hpp>
#include <scale/eval/splits.hpp>
#include <scale/interop/eigen_cholesky.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// The penalty on the squared weights is strength * max(n, d): features being standardised, max(n, d) is the mean of
/// the nonzero eigenvalues of the d x d scatter matrix, so one grid serves few and many videos, narrow and wide
/// features.
struct ridge_options {
  std::vector<double> strengths = {1e-3, 1e-2, 1e-1, 1e0, 1e1};
  index_t inner_folds = 5;                    // stratified_folds of the training rows, unless groups are given
  std::span<std::string const> inner_groups;  // one per training row: inner folds leave one out, if there are several
};

/// score(class) = sum over features of (x - mean) * inverse_deviation * weight + bias.
struct ridge_classifier {
  std::vector<double> mean,
      inverse_deviation;       // [d], of the training rows; the inverse is 1 where a feature is constant
  host_matrix<double> weight;  // [d, classes]
  std::vector<double> bias;    // [classes], each class's share of the training rows
  double strength = 0;         // the one chosen

  /// x [n, d] -> [n, classes]
  template <class T>
  host_matrix<double> scores(host_matrix<T> const& x, location at = location::current()) const;
};

namespace detail {

using ridge_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ridge_map = Eigen::Map<ridge_matrix const>;

/// What does not depend on the strength: standardised rows, centred targets, and the smaller of X'X and XX'.
class ridge_problem {
 public:
  template <class T>
  ridge_problem(host_matrix<T> const& x, std::span<std::int32_t const> labels, index_t classes, location at)
      : x_(x.rows, x.columns), y_(x.rows, classes) {
    index_t const n = x.rows, d = x.columns;
    if (static_cast<index_t>(labels.size()) != n)
      throw_expected("ridge", "labels", std::to_string(n), std::to_string(labels.size()), at);
    expect(n >= 1 && d >= 1 && classes >= 1, "ridge", "expected at least one row, one feature and one class", at);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < d; ++j) x_(i, j) = static_cast<double>(x(i, j));
    expect(x_.allFinite(), "ridge", "features: a value is not finite", at);
    model_.mean.resize(std::size_t(d));
    model_.inverse_deviation.resize(std::size_t(d));
    Eigen::Map<Eigen::RowVectorXd> mean(model_.mean.data(), d), scaling(model_.inverse_deviation.data(), d);
    mean = x_.colwise().mean();
    x_.rowwise() -= mean;
    for (index_t j = 0; j < d; ++j) {
      double const deviation = std::sqrt(x_.col(j).squaredNorm() / static_cast<double>(n));
      bool const constant = deviation <= 1e-12 * std::abs(mean(j));  // nothing left but rounding
      scaling(j) = constant || deviation == 0 ? 1 : 1 / deviation;
      if (constant) x_.col(j).setZero();
    }
    x_ *= scaling.asDiagonal();
    y_.setZero();
    for (index_t i = 0; i < n; ++i) {
      std::int32_t const label = labels[std::size_t(i)];
      if (label < 0 || label >= classes)
        throw_expected("ridge", "labels[" + std::to_string(i) + "]", "within [0, " + std::to_string(classes) + ")",
                       std::to_string(label), at);
      y_(i, label) = 1;
    }
    Eigen::RowVectorXd const share = y_.colwise().mean();
    y_.rowwise() -= share;
    model_.bias.assign(share.data(), share.data() + classes);
    gram_.setZero((std::min)(n, d), (std::min)(n, d));
    if (n > d)
      gram_.selfadjointView<Eigen::Lower>().rankUpdate(x_.transpose());
    else
      gram_.selfadjointView<Eigen::Lower>().rankUpdate(x_);
  }

  ridge_classifier solve(double strength, location at) const {
    if (!(strength > 0 && std::isfinite(strength)))
      throw_expected("ridge", "strength", "positive", std::to_string(strength), at);
    index_t const n = x_.rows(), d = x_.cols();
    Eigen::MatrixXd system = gram_;
    system.diagonal().array() += strength * static_cast<double>((std::max)(n, d));
    Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>, Eigen::Lower> const factor(system);
    expect(factor.info() == Eigen::Success, "ridge", "the system is singular; use a larger strength", at);
    ridge_classifier out = model_;
    out.strength = strength;
    out.weight = host_matrix<double>(d, y_.cols(), at);
    Eigen::Map<ridge_matrix> weight(out.weight.values.data(), d, y_.cols());
    if (n > d)
      weight = factor.solve(Eigen::MatrixXd(x_.transpose() * y_));
    else
      weight.noalias() = x_.transpose() * factor.solve(Eigen::MatrixXd(y_));
    return out;
  }

 private:
  ridge_matrix x_, y_;
  Eigen::MatrixXd gram_;
  ridge_classifier model_;
};

}  // namespace detail

template <class T>
host_matrix<double> ridge_classifier::scores(host_matrix<T> const& x, location at) const {
  index_t const d = static_cast<index_t>(mean.size()), classes = static_cast<index_t>(bias.size());
  if (x.columns != d) throw_expected("ridge", "features", std::to_string(d), std::to_string(x.columns), at);
  host_matrix<double> out(x.rows, classes, at);
  detail::ridge_map const w(weight.values.data(), d, classes);
  Eigen::Map<Eigen::RowVectorXd const> const share(bias.data(), classes);
  Eigen::RowVectorXd row(d);
  for (index_t i = 0; i < x.rows; ++i) {
    for (index_t j = 0; j < d; ++j)
      row(j) = (static_cast<double>(x(i, j)) - mean[std::size_t(j)]) * inverse_deviation[std::size_t(j)];
    Eigen::Map<Eigen::RowVectorXd>(out.row(i).data(), classes) = row * w + share;
  }
  return out;
}

/// x [n, d], labels [n] in [0, classes). One strength: no selection. O(n d min(n, d) + min(n, d)^3), in double.
template <class T>
ridge_classifier fit_ridge(host_matrix<T> const& x, std::span<std::int32_t const> labels, index_t classes,
                           double strength, location at = location::current()) {
  return detail::ridge_problem(x, labels, classes, at).solve(strength, at);
}

/// Chooses among `options.strengths` by the accuracy over inner folds of these rows (each fold standardised by its own
/// training part; the largest strength of equals), then fits all rows with it. Sees nothing but its arguments.
template <class T>
ridge_classifier fit_ridge(host_matrix<T> const& x, std::span<std::int32_t const> labels, index_t classes,
                           ridge_options const& options = {}, location at = location::current()) {
  expect(!options.strengths.empty(), "ridge", "strengths: at least one is needed", at);
  expect(static_cast<index_t>(labels.size()) == x.rows, "ridge", "one label per row is needed", at);
  expect(options.inner_groups.empty() || options.inner_groups.size() == labels.size(), "ridge",
         "inner_groups: one per training row, or none", at);
  std::vector<double> strengths = options.strengths;
  std::ranges::sort(strengths, std::greater<>());
  double best = strengths.front();
  if (strengths.size() > 1) {
    bool const grouped = !options.inner_groups.empty() && std::ranges::any_of(options.inner_groups, [&](auto const& g) {
      return g != options.inner_groups[0];
    });
    std::vector<fold> const folds =
        grouped ? leave_one_group_out(options.inner_groups, at) : stratified_folds(labels, options.inner_folds, at);
    std::vector<index_t> right(strengths.size(), 0);
    for (fold const& f : folds) {
      std::vector<std::int32_t> const seen = take_elements(labels, std::span<index_t const>(f.train), at);
      detail::ridge_problem const problem(take_rows(x, f.train, at), seen, classes, at);
      host_matrix<T> const held_out = take_rows(x, f.test, at);
      for (std::size_t s = 0; s < strengths.size(); ++s) {
        host_matrix<double> const scores = problem.solve(strengths[s], at).scores(held_out, at);
        for (index_t i = 0; i < scores.rows; ++i)
          right[s] += best_class(std::span<double const>(scores.row(i))) == labels[std::size_t(f.test[std::size_t(i)])];
      }
    }
    best = strengths[static_cast<std::size_t>(std::ranges::max_element(right) - right.begin())];
  }
  return fit_ridge(x, labels, classes, best, at);
}

}  // namespace scale
