// SPDX-License-Identifier: Apache-2.0
#include <scale/cuda.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include <data/small_store.hpp>
#include <doctest/doctest.h>
#include <train/temporary_folder.hpp>
#include <train/tiny_run.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

namespace {

/// The losses of five steps, with dropout, on a store of eight videos. (Parameters would not do: where a gradient is
/// rounding alone, AdamW makes a whole step of it.)
template <class T, class B>
std::vector<double> losses(B const& b, scale::feature_store const& store, scale::input_kind input,
                           std::filesystem::path const& folder) {
  scale::pretrain_options options = testing::tiny_options();
  options.iterations = 5;
  options.input = input;
  scale::pretrain_run run;
  run.folder = folder;
  scale::pretrain<T>(b, store, options, run);
  std::vector<double> all;
  for (auto const& line : testing::metrics_of(folder))
    for (char const* key : {"loss", "set_loss", "dense_loss"}) all.push_back(line.at(key).get<double>());
  return all;
}

}  // namespace

TEST_CASE("cuda: pre-training on a store's copy in the device's memory is that of the reference") {
  scale::ref::context const host;
  scale::cuda::context const device;
  for (scale::stored_type const type : {scale::stored_type::f16, scale::stored_type::f32})
    for (scale::input_kind const input : {scale::input_kind::paper, scale::input_kind::centred}) {
      temporary_folder const folder;
      scale::feature_store const store(
          testing::write_store(folder / "s.store", type, 8, std::vector<std::size_t>(8, 5)));
      std::vector<double> const expected = losses<float>(host, store, input, folder / "host");
      std::vector<double> const found = losses<float>(device, store, input, folder / "device");
      REQUIRE(expected.size() == 15);
      REQUIRE(found.size() == 15);
      double worst = 0;
      for (std::size_t i = 0; i < found.size(); ++i)
        worst = std::max(worst, std::abs(found[i] - expected[i]) / expected[i]);
      CHECK(worst < 1e-4);
      CHECK(worst > 0);  // it was not the reference that computed
    }
}
