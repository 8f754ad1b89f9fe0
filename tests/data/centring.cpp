// SPDX-License-Identifier: Apache-2.0
#include <scale/data/centring.hpp>
#include <scale/io/json.hpp>
#include <scale/io/safetensors.hpp>

#include "data/small_store.hpp"
#include "io/temporary_folder.hpp"
#include "support/golden_fill.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace {

double error_of(std::vector<double> const& a, std::vector<double> const& b) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    worst = (std::max)(worst, std::abs(a[i] - b[i]));
    largest = (std::max)(largest, std::abs(b[i]));
  }
  return a.size() == b.size() ? worst / largest : INFINITY;
}

}  // namespace

TEST_CASE("centring: the golden cases, from their fills, in double") {
  int cases = 0;
  for (auto const& entry : std::filesystem::directory_iterator(testing::golden("scale"))) {
    if (entry.path().filename().string().rfind("centred_", 0) != 0) continue;
    scale::safetensors_file const file(entry.path());
    auto const config = scale::parse_json(file.metadata().at("config"), entry.path());
    auto const tolerance = scale::parse_json(file.metadata().at("tolerance"), entry.path())["fp64"];
    auto const& fill = config["fills"]["store_x"];
    auto const extents = fill["shape"].get<std::vector<std::int64_t>>();
    std::size_t const d = static_cast<std::size_t>(extents[2]), video = static_cast<std::size_t>(extents[1]) * d;
    std::vector<double> x =
        golden::fill("store_x", extents, fill["centre"].get<double>(), fill["half"].get<double>(),
                     std::stoull(file.metadata().at("fill_seed")), "", fill["dtype"].get<std::string>());
    std::size_t const constant = config["constant_feature"].get<std::size_t>();
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i % d == constant) x[i] = x[i / video * video + constant];
    scale::centring_scale scale(static_cast<scale::index_t>(d));
    for (std::size_t at = 0; at < x.size(); at += video) scale.add_video(std::span<double const>(x).subspan(at, video));
    std::vector<double> const s = scale.finish();
    CHECK(error_of(s, file.read<double>("s")) <= tolerance["s"].get<double>());
    CHECK(s[constant] == 1);
    for (std::size_t at = 0; at < x.size(); at += video)
      scale::centre_clips(std::span<double>(x).subspan(at, video), s);
    CHECK(error_of(x, file.read<double>("centred")) <= tolerance["centred"].get<double>());
    ++cases;
  }
  CHECK(cases >= 1);
}

TEST_CASE("centring: of a store, with videos of different lengths; a single clip is an error that names the video") {
  testing::temporary_folder const folder;
  scale::feature_store const store(testing::write_store(folder / "s", scale::stored_type::f16, 3, {2, 4}));
  // Features are 16 n + clip + j / 8: differences from the mean are -1/2, 1/2 and -3/2, -1/2, 1/2, 3/2.
  double const expected = std::sqrt((2 * 0.25 + 2 * 2.25 + 2 * 0.25) / 6);
  for (double const s : scale::centring_scale_of(store)) CHECK(s == doctest::Approx(expected).epsilon(1e-15));
  CHECK(scale::video_means<double>(store) == std::vector<double>{0.5, 0.625, 0.75, 17.5, 17.625, 17.75});
  scale::feature_store const single(testing::write_store(folder / "t", scale::stored_type::f16, 3, {2, 1}));
  CHECK(testing::contains(testing::message_of<scale::argument_error>([&] { (void)scale::centring_scale_of(single); }),
                          "set1/v1.avi"));
  std::vector<float> one = {1, 2, 3};
  std::vector<double> const s = {1, 1, 1};
  CHECK_THROWS_AS(scale::centre_clips(std::span<float>(one), s), scale::argument_error);
  CHECK_THROWS_AS((void)scale::centring_scale(3).finish(), scale::argument_error);
}
