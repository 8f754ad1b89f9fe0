// SPDX-License-Identifier: Apache-2.0
#include <scale/eval/memory_clips.hpp>
#include <scale/eval/representation.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/ref.hpp>

#include "data/small_store.hpp"
#include "io/temporary_folder.hpp"
#include "support/golden_fill.hpp"
#include "train/golden_training.hpp"
#include <doctest/doctest.h>

#include <vector>

namespace {

using context = scale::ref::context;

TEST_CASE("memory_clips: a video in memory is represented as the same video in a store") {
  testing::temporary_folder const folder;
  scale::feature_store const store(testing::write_store(folder / "s.store", scale::stored_type::f32, 6, {4}));
  testing::video_data const video(0, 4, 6);
  scale::video_clips const clips{video.features, video.positions, video.raw};
  std::vector<double> const s = {1, 2, 3, 4, 5, 6};
  context const b;
  scale::set_transformer_config config;
  config.features = 6;
  config.width = 32;
  config.layers = 1;
  config.pred_hidden = config.target_hidden = config.set_dim = config.dense_dim = 4;
  scale::set_transformer_model<double, context> model(b, config, 3);
  golden::fill_parameters(b, model.parameters(), 8);
  for (auto const input : {scale::input_kind::paper, scale::input_kind::centred}) {
    scale::trained_encoder<double, context> const encoder{&model, input};
    scale::store_clips<double, context> const stored(b, store, input, s);
    scale::memory_clips<double, context> const held(b, clips, input, s);
    auto const expected = scale::represent(b, stored.source(), &encoder);
    auto const found = scale::represent(b, held.source(), &encoder);
    CHECK(found.x.values == expected.x.values);
    CHECK(found.h.values == expected.h.values);
    CHECK(found.cls.values == expected.cls.values);
  }
}

TEST_CASE("memory_clips: what does not fit is refused") {
  context const b;
  auto const refused = [&](scale::video_clips const& clips, scale::input_kind input, std::vector<double> const& s) {
    return testing::message_of<scale::argument_error>(
        [&] { scale::memory_clips<double, context>(b, clips, input, s); });
  };
  scale::video_clips const two{std::vector<float>(12), std::vector<float>(14), {}},
      one{std::vector<float>(6), std::vector<float>(7), {}};
  using testing::contains;
  CHECK(contains(refused({}, scale::input_kind::paper, {}), "positions"));
  CHECK(contains(refused({std::vector<float>(13), std::vector<float>(14), {}}, scale::input_kind::paper, {}),
                 "features"));
  CHECK(contains(refused({std::vector<float>(12), std::vector<float>(15), {}}, scale::input_kind::paper, {}),
                 "positions"));
  CHECK(contains(refused(two, scale::input_kind::centred, {}), "s, one number per feature"));
  CHECK(contains(refused(one, scale::input_kind::centred, std::vector<double>(6, 1.0)), "two clips"));
}

}  // namespace
