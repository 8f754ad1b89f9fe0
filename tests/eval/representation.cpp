// SPDX-License-Identifier: Apache-2.0
#include <scale/eval/class_list.hpp>
#include <scale/eval/representation.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/ref.hpp>

#include "data/small_store.hpp"
#include "train/golden_training.hpp"
#include "train/synthetic_clips.hpp"
#include "train/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using scale::index_t;

scale::set_transformer_config small(index_t width) {
  scale::set_transformer_config c;
  c.features = width;
  c.width = 32;
  c.layers = 2;
  c.pred_hidden = c.target_hidden = c.set_dim = c.dense_dim = 4;
  return c;
}

}  // namespace

TEST_CASE("a representation is what the encoder gives for each video alone, whatever the batch") {
  context const b;
  synthetic::clips<double, context> const data(b, {.videos = 7, .clips = 5, .width = 6, .offset = 1});
  scale::set_transformer_model<double, context> model(b, small(6), 3);
  golden::fill_parameters(b, model.parameters(), 8);
  scale::encoding_step<double, context> one(b, model.config(), model.parameters().table(), scale::pass::inference, 1,
                                            5);
  for (auto const input : {scale::input_kind::paper, scale::input_kind::centred}) {
    scale::trained_encoder<double, context> const encoder{&model, input};
    auto const r = scale::represent(b, data.source, &encoder, {.batch = 3});
    REQUIRE(r.x.rows == 7);
    for (index_t n = 0; n < 7; ++n) {
      // By definition: the video's clips, centred by their own mean and divided by s.
      scale::tensor<double, 2, context> x(b, scale::shape{index_t{5}, index_t{6}}),
          h(b, scale::shape{index_t{5}, index_t{32}}), cls(b, scale::shape{index_t{1}, index_t{32}}),
          position(b, scale::shape{index_t{5}, scale::position_width});
      for (index_t d = 0; d < 6; ++d) {
        double mean = 0;
        for (index_t v = 0; v < 5; ++v) mean += double(data.features.view()(n, v, d)) / 5;
        CHECK(r.x(n, d) == doctest::Approx(mean).epsilon(1e-12));
        for (index_t v = 0; v < 5; ++v) {
          double const raw = double(data.features.view()(n, v, d));
          x.view()(v, d) = input == scale::input_kind::paper ? raw : (raw - mean) / data.scale_of[std::size_t(d)];
        }
      }
      for (index_t v = 0; v < 5; ++v)
        for (index_t j = 0; j < scale::position_width; ++j)
          position.view()(v, j) = double(data.positions.view()(n, v, j));
      one.encode(b, model.parameters(), {.x = x, .position = position, .clips = 5}, {.h = h, .cls = cls});
      for (index_t j = 0; j < 32; ++j) {
        double mean = 0;
        for (index_t v = 0; v < 5; ++v) mean += h.view()(v, j) / 5;
        CHECK(std::abs(r.cls(n, j) - cls.view()(0, j)) < 1e-12);
        CHECK(std::abs(r.h(n, j) - mean) < 1e-12);
      }
    }
    auto const joined = scale::compose(r, scale::clip_features::x_h_cls);
    CHECK(joined.columns == 6 + 32 + 32);
    CHECK(joined(2, 6 + 32) == r.cls(2, 0));
    CHECK(scale::compose(r, scale::clip_features::x).values == r.x.values);
  }
  auto const alone = scale::represent<double, context>(b, data.source, nullptr);
  CHECK(alone.x.rows == 7);
  CHECK_THROWS_AS(scale::compose(alone, scale::clip_features::cls), scale::argument_error);
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS((scale::represent<double, context>(b, data.source, nullptr, {.stop = stop.get_token()})),
                  scale::cancelled_error);
}

TEST_CASE("a store is a source: features and positions without copies, means and s where centred") {
  temporary_folder const t;
  context const b;
  for (auto const type : {scale::stored_type::f16, scale::stored_type::f32}) {
    scale::feature_store const store(testing::write_store(t / "store", type, 3, {4, 4}));
    scale::store_clips<double, context> const paper(b, store, scale::input_kind::paper);
    CHECK(paper.scale().empty());
    CHECK(paper.source().videos() == 2);
    CHECK(paper.source().clips() == 4);
    CHECK(paper.source().width() == 3);
    auto const r = scale::represent<double, context>(b, paper.source(), nullptr);
    CHECK(r.x(1, 2) == 16 + 1.5 + 0.25);  // 16 n + mean of 0..3 + 2 / 8
    scale::store_clips<double, context> const centred(b, store, scale::input_kind::centred);
    CHECK(centred.scale()[0] == doctest::Approx(std::sqrt(1.25)));
    CHECK(centred.source().mean(1, 2) == 16 + 1.5 + 0.25);
    CHECK(centred.source().inverse_scale(0) == doctest::Approx(1 / std::sqrt(1.25)));
    scale::store_clips<double, context> const given(b, store, scale::input_kind::centred, {2, 4, 8});
    CHECK(given.source().inverse_scale(2) == 0.125);
    CHECK_THROWS_AS((scale::store_clips<double, context>(b, store, scale::input_kind::centred, {2, 4})),
                    scale::argument_error);
  }
  scale::feature_store const single(testing::write_store(t / "single", scale::stored_type::f16, 3, {1, 1}));
  CHECK_NOTHROW(scale::store_clips<double, context>(b, single, scale::input_kind::paper));
  CHECK_THROWS_WITH_AS((scale::store_clips<double, context>(b, single, scale::input_kind::centred)),
                       doctest::Contains("single: centred input needs at least two clips of each video; 'set1/v0.avi'"),
                       scale::input_error);
  scale::feature_store const uneven(testing::write_store(t / "uneven", scale::stored_type::f16, 3, {4, 2}));
  CHECK_THROWS_AS((scale::store_clips<float, context>(b, uneven, scale::input_kind::paper)), scale::input_error);
}

TEST_CASE("classes of two stores are joined by name") {
  std::vector<std::string> const train = {"b", "a"}, test = {"c", "a", "b"};
  auto const joint =
      scale::join_labels(train, std::vector<std::int32_t>{1, 0, 1}, test, std::vector<std::int32_t>{0, 1, 2});
  CHECK(joint.classes == std::vector<std::string>{"b", "a", "c"});
  CHECK(joint.train == std::vector<std::int32_t>{1, 0, 1});
  CHECK(joint.test == std::vector<std::int32_t>{2, 1, 0});
  CHECK_THROWS_AS(scale::join_labels(train, std::vector<std::int32_t>{-1}, test, {}), scale::argument_error);
}
