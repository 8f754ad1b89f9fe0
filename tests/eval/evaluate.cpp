// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>
#include <scale/eval/evaluate.hpp>
#include <scale/eval/store_split.hpp>
#include <scale/ref.hpp>

#include "data/small_store.hpp"
#include "train/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using scale::index_t;

struct video {
  std::int32_t label;
  std::string group;
};

/// A store of these videos, two clips each.
scale::feature_store store_of(std::filesystem::path const& path, std::vector<video> const& videos) {
  scale::feature_store_writer writer(path, testing::description(scale::stored_type::f32, 3));
  for (std::size_t n = 0; n < videos.size(); ++n) {
    testing::video_data data(static_cast<int>(n), 2, 3);
    data.row.label = videos[n].label;
    data.row.columns = {data.row.name, "", videos[n].group};
    data.row.fps = videos[n].label == 0 ? 25 : 30;
    writer.append(data.row);
  }
  writer.finish();
  return scale::feature_store(path);
}

std::vector<video> videos_of(index_t count, index_t per_group) {
  std::vector<video> out;
  for (index_t n = 0; n < count; ++n)
    out.push_back({static_cast<std::int32_t>(n % 2), "g" + std::to_string(n / per_group)});
  return out;
}

double uniform(std::uint64_t seed, std::uint64_t i) {
  return 2 * scale::random_unit(scale::make_key(seed, 0, scale::purpose::initialise), i) - 1;
}

}  // namespace

TEST_CASE("stores are split whole, or by the values of a column") {
  temporary_folder const t;
  auto const a = store_of(t / "a", videos_of(6, 2)), b = store_of(t / "b", videos_of(4, 2));
  auto const whole = scale::split_of_stores(a, b);
  REQUIRE(whole.folds.size() == 1);
  CHECK(whole.folds[0].train == std::vector<index_t>{0, 1, 2, 3, 4, 5});
  CHECK(whole.folds[0].test == std::vector<index_t>{0, 1, 2, 3});
  CHECK(whole.groups.empty());
  CHECK(whole.classes() == 2);
  auto split = scale::split_by_group(a, "group");
  REQUIRE(split.folds.size() == 3);
  CHECK(split.folds[1].name == "g1");
  CHECK(split.folds[1].test == std::vector<index_t>{2, 3});
  CHECK(split.folds[1].train == std::vector<index_t>{0, 1, 4, 5});
  CHECK(split.groups[5] == "g2");
  scale::keep_first_percent(split, 50);
  CHECK(split.folds[1].train == std::vector<index_t>{0, 1});
  CHECK(split.folds[1].test == std::vector<index_t>{2, 3});
}

TEST_CASE("a store that cannot be split says which file, which video or column") {
  temporary_folder const t;
  auto const good = store_of(t / "good", videos_of(4, 2)), same = store_of(t / "same", videos_of(4, 9));
  auto const gap = store_of(t / "gap", {{0, "g0"}, {-1, "g1"}});
  auto const refused = [](auto const& action, char const* text) {
    CHECK_THROWS_WITH_AS(action(), doctest::Contains(text), scale::input_error);
  };
  refused([&] { scale::split_of_stores(gap, good); }, "gap: expected a label for every video, found none for 'set1/v1");
  refused([&] { scale::split_of_stores(good, gap); }, "gap: ");
  refused([&] { scale::split_by_group(gap, "group"); }, "set1/v1.avi");
  refused([&] { scale::split_by_group(good, "camera"); }, "camera");
  refused([&] { scale::split_by_group(same, "group"); }, "same: column 'group'");
}

TEST_CASE("metadata and k-NN are measured over all folds, each video by those that do not hold it") {
  temporary_folder const t;
  scale::ref::context const b;
  auto const store = store_of(t / "a", videos_of(12, 4));
  auto const split = scale::split_by_group(store, "group");
  auto const metadata = scale::evaluate_metadata(store, store, split);
  CHECK(metadata.top1 == 100);  // the rate tells the label
  CHECK(metadata.n == 12);
  scale::host_matrix<double> x(12, 3);
  for (index_t i = 0; i < 12; ++i) {
    x(i, 0) = i % 2 == 0 ? 1 : -1;
    x(i, 1) = 0.1 * uniform(1, std::uint64_t(i));
  }
  auto const near = scale::evaluate_knn<double>(b, x, x, split, {.k = 3});
  CHECK(near.top1 == 100);
  CHECK(near.n == 12);
}

TEST_CASE("ridge under groups chooses its strength by groups") {
  temporary_folder const t;
  index_t const n = 40, d = 12, per_group = 8;
  auto const store = store_of(t / "a", videos_of(n, per_group));
  auto const split = scale::split_by_group(store, "group");
  // Every group has features of its own that tell the label there and nowhere else; one weak feature does everywhere.
  scale::host_matrix<double> x(n, d);
  for (index_t i = 0; i < n; ++i) {
    double const sign = i % 2 == 0 ? 1 : -1;
    for (index_t j = 0; j < d; ++j) x(i, j) = 0.4 * uniform(5, std::uint64_t(i * d + j));
    x(i, 0) += 0.1 * sign;
    x(i, 1 + i / per_group) += (i / per_group % 2 == 0 ? 1.5 : -1.5) * sign;
    x(i, 6) += (i / per_group % 2 == 0 ? 1.5 : -1.5) * sign;
  }
  auto const top1 = [&](bool grouped) {
    index_t right = 0;
    for (auto const& f : split.folds) {
      auto const labels = scale::take_elements(std::span<std::int32_t const>(split.labels.train), std::span(f.train));
      auto const groups = scale::take_elements(std::span<std::string const>(split.groups), std::span(f.train));
      scale::ridge_options options;
      if (grouped) options.inner_groups = groups;
      auto const scores = scale::fit_ridge(scale::take_rows<double>(x, f.train), labels, 2, options)
                              .scores(scale::take_rows<double>(x, f.test));
      for (index_t i = 0; i < scores.rows; ++i)
        right += scale::best_class(std::span<double const>(scores.row(i))) == f.test[std::size_t(i)] % 2;
    }
    return 100.0 * double(right) / double(n);
  };
  double const by_groups = top1(true), by_rows = top1(false);
  MESSAGE("inner folds by groups: " << by_groups << " %, by rows: " << by_rows << " %");
  REQUIRE(by_groups != by_rows);
  CHECK(scale::evaluate_ridge(x, x, split).top1 == by_groups);
}
