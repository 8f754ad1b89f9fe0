// SPDX-License-Identifier: Apache-2.0
#pragma once
// One numbering of classes for the stores of a probe, which may each have their own.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// Labels of two stores, both numbered by `classes`: the training store's classes, then those that only the test store
/// knows (no classifier can be right about them, and they are counted).
struct joint_labels {
  std::vector<std::string> classes;
  std::vector<std::int32_t> train, test;
};

namespace detail {

inline void check_labels(char const* which, std::span<std::int32_t const> labels, std::size_t classes, location at) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes)
      throw_expected("join_labels", std::string(which) + " label of video " + std::to_string(i),
                     "one of its store's " + std::to_string(classes) + " classes; give only labelled videos to a probe",
                     std::to_string(labels[i]), at);
}

}  // namespace detail

/// Classes are the same where their names are. Throws argument_error for a label outside its store's classes.
inline joint_labels join_labels(std::span<std::string const> train_classes, std::span<std::int32_t const> train,
                                std::span<std::string const> test_classes, std::span<std::int32_t const> test,
                                location at = location::current()) {
  detail::check_labels("training", train, train_classes.size(), at);
  detail::check_labels("test", test, test_classes.size(), at);
  joint_labels out{{train_classes.begin(), train_classes.end()}, {train.begin(), train.end()}, {}};
  std::map<std::string, std::int32_t, std::less<>> number;
  for (std::size_t i = 0; i < train_classes.size(); ++i) number.emplace(train_classes[i], static_cast<std::int32_t>(i));
  std::vector<std::int32_t> of_test;
  for (std::string const& name : test_classes) {
    auto const [found, fresh] = number.emplace(name, static_cast<std::int32_t>(out.classes.size()));
    if (fresh) out.classes.push_back(name);
    of_test.push_back(found->second);
  }
  for (std::int32_t const label : test) out.test.push_back(of_test[static_cast<std::size_t>(label)]);
  return out;
}

}  // namespace scale
