// SPDX-License-Identifier: Apache-2.0
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ref.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>

#include "data/small_store.hpp"
#include "train/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;

scale::set_transformer_config small() {
  scale::set_transformer_config config;
  config.features = 5;
  config.width = 32;
  config.layers = 1;
  config.pred_hidden = 6;
  config.target_hidden = 7;
  config.set_dim = 3;
  config.dense_dim = 4;
  return config;
}

template <class T>
bool same_bits(scale::tensor_view<T const, 1, context> a, scale::tensor_view<T const, 1, context> b) {
  return a.size() == b.size() && std::memcmp(a.data_handle(), b.data_handle(), std::size_t(a.size()) * sizeof(T)) == 0;
}

/// Parameters with moments of like layout, all numbers different. Padding stays 0.
template <class T>
struct trained {
  explicit trained(context const& b, double offset)
      : params(b, scale::parameter_table(scale::set_transformer_parameters(small()))),
        m(b, scale::shape{params.table().size()}),
        v(b, scale::shape{params.table().size()}) {
    scale::fill(b, m, 0);
    scale::fill(b, v, 0);
    for (auto const& entry : params.table().entries())
      for (scale::index_t i = entry.offset; i < entry.offset + entry.size; ++i) {
        params.values()(i) = static_cast<T>(0.1 * double(i) + offset);
        m.view()(i) = static_cast<scale::acc_t<T>>(0.2 * double(i) - offset);
        v.view()(i) = static_cast<scale::acc_t<T>>(0.3 * double(i) * offset);
      }
  }
  scale::parameters<T, context> params;
  scale::tensor<scale::acc_t<T>, 1, context> m, v;
};

}  // namespace

TEST_CASE_TEMPLATE("a checkpoint restores every bit and reads as plain safetensors", T, float, double) {
  temporary_folder const t;
  context const b;
  trained<T> const a(b, 0.7);
  nlohmann::json const run = {{"lr", 3e-4}, {"seed", 42}};
  scale::write_checkpoint<T, context>(t / "c", b, a.params, a.m, a.v, {12, 2, run, {{"steps", 30}}});
  trained<T> c(b, 0.1);
  auto const info = scale::read_checkpoint<T, context>(t / "c", b, run, c.params, c.m, c.v);
  CHECK(info.step == 12);
  CHECK(info.epoch == 2);
  CHECK(info.schedule.at("steps") == 30);
  CHECK(same_bits<T>(std::as_const(a.params).values(), std::as_const(c.params).values()));
  CHECK(same_bits<scale::acc_t<T>>(a.m.view(), std::as_const(c.m).view()));
  CHECK(same_bits<scale::acc_t<T>>(a.v.view(), std::as_const(c.v).view()));
  scale::safetensors_file const plain(t / "c");
  CHECK(plain.at("adamw.m/input_projection.weight").shape == std::vector<scale::index_t>{32, 5});
  CHECK(plain.read<double>("set_cls_token").size() == 32);
}

TEST_CASE("a checkpoint of another run is refused by what differs, and changes nothing") {
  temporary_folder const t;
  context const b;
  trained<float> const a(b, 0.7);
  scale::write_checkpoint<float, context>(t / "c", b, a.params, a.m, a.v, {1, 0, {{"lr", 1}, {"store", "aa"}}, {}});
  trained<float> c(b, 0.1), untouched(b, 0.1);
  auto const read = [&](nlohmann::json const& run) {
    scale::read_checkpoint<float, context>(t / "c", b, run, c.params, c.m, c.v);
  };
  CHECK_THROWS_WITH_AS(read({{"lr", 2}, {"store", "aa"}}), doctest::Contains("lr: 1 there, 2 here"),
                       scale::input_error);
  CHECK_THROWS_WITH_AS(read({{"lr", 1}, {"store", "bb"}}), doctest::Contains("store: \"aa\" there, \"bb\" here"),
                       scale::input_error);
  CHECK_THROWS_WITH_AS(read({{"lr", 1}}), doctest::Contains("store: \"aa\" there, nothing here"), scale::input_error);
  trained<double> d(b, 0.1);
  CHECK_THROWS_WITH_AS(
      (scale::read_checkpoint<double, context>(t / "c", b, {{"lr", 1}, {"store", "aa"}}, d.params, d.m, d.v)),
      doctest::Contains("expected F64, found F32"), scale::input_error);
  CHECK(same_bits<float>(std::as_const(c.params).values(), std::as_const(untouched.params).values()));
  scale::write_model(t / "m", b, a.params, {.config = small()});
  CHECK_THROWS_WITH_AS((scale::read_checkpoint<float, context>(t / "m", b, {}, c.params, c.m, c.v)),
                       doctest::Contains("not a checkpoint"), scale::input_error);
}

TEST_CASE("a model file says what it is, and gives the encoder alone too") {
  temporary_folder const t;
  context const b;
  trained<float> const a(b, 0.7);
  scale::model_description about;
  about.config = small();
  about.input = scale::input_kind::centred;
  about.input_scale = {1, 2, 3, 0.1, 5};
  about.backbone = "mobilenet_v2";
  about.weights_sha256 = "abc";
  about.extraction = {{"frames", 16}, {"stride", 4.0}};
  about.run = {{"lr", 0.5}};
  scale::write_model(t / "model.safetensors", b, a.params, about);
  for (auto const& path : {t.path(), t / "model.safetensors"}) {
    scale::model_file const file(path);
    auto const& found = file.description();
    CHECK(found.config.features == 5);
    CHECK(found.config.width == 32);
    CHECK(found.config.layers == 1);
    CHECK(found.config.mlp_ratio == 2);
    CHECK(found.config.pred_hidden == 6);
    CHECK(found.config.target_hidden == 7);
    CHECK(found.config.set_dim == 3);
    CHECK(found.config.dense_dim == 4);
    CHECK(found.input == scale::input_kind::centred);
    CHECK(found.input_scale == about.input_scale);
    CHECK(found.run.at("lr") == 0.5);
    CHECK(found.extraction == about.extraction);
    CHECK(file.has_heads());
    scale::parameters<double, context> encoder(
        b, scale::parameter_table(scale::set_transformer_parameters(file.encoder_config())));
    file.load(b, encoder);
    CHECK(encoder.read(b, "norm.bias")[3] == double(a.params.read(b, "norm.bias")[3]));
    CHECK_NOTHROW(scale::check_features(found, "mobilenet_v2", "abc", 5));
    CHECK_THROWS_WITH_AS(scale::check_features(found, "svt", "abc", 5), doctest::Contains("mobilenet_v2"),
                         scale::input_error);
    CHECK_THROWS_AS(scale::check_features(found, "mobilenet_v2", "abd", 5), scale::input_error);
    CHECK_THROWS_AS(scale::check_features(found, "mobilenet_v2", "abc", 6), scale::input_error);
  }
}

TEST_CASE("a store is refused by the first thing that its features differ in from those of the model") {
  temporary_folder const t;
  auto const with = [&](char const* name, char const* key, nlohmann::json const& value) {
    auto about = testing::description(scale::stored_type::f16, 5);
    about.provenance["pixel_mean"] = {0.45, 0.45, 0.45};
    about.provenance["frames"] = 16;
    about.provenance[key] = value;
    scale::feature_store_writer writer(t / name, about);
    writer.append(testing::video_data(0, 2, 5).row);
    writer.finish();
    return scale::feature_store(t / name);
  };
  auto const store = with("store", "seed", 1);
  scale::model_description model;
  model.config = small();
  model.extraction = scale::extraction_of(store.provenance());
  CHECK(model.extraction.at("frames") == 16);
  CHECK_FALSE(model.extraction.contains("size"));
  CHECK_NOTHROW(scale::check_features(model, store));
  CHECK_NOTHROW(scale::require_same_extraction(store, with("views", "views", "val")));
  auto const differs = [&](char const* key, nlohmann::json const& value, char const* text) {
    auto const other = with(key, key, value);
    CHECK_THROWS_WITH_AS(scale::require_same_extraction(store, other), doctest::Contains(text), scale::input_error);
    CHECK_THROWS_WITH_AS(scale::require_same_extraction(store, other), doctest::Contains(other.path().c_str()),
                         scale::input_error);
    if (model.extraction.contains(key))
      CHECK_THROWS_WITH_AS(scale::check_features(model, other), doctest::Contains(text), scale::input_error);
  };
  differs("pixel_mean", {0.5, 0.45, 0.45}, "pixel_mean: expected [0.45,0.45,0.45], found [0.5,0.45,0.45]");
  differs("frames", 8, "frames: expected 16, found 8");
  differs("frame_pool", "mean+motion", "frame_pool");
  differs("backbone", "svt", "backbone: expected \"toy\", found \"svt\"");
  differs("size", 112, "size");
  model.extraction.erase("frames");
  CHECK_NOTHROW(scale::check_features(model, with("old", "frames", 8)));
}

TEST_CASE("model files with missing, unknown or misshapen tensors are refused") {
  temporary_folder const t;
  context const b;
  trained<float> const a(b, 0.7);
  auto const values = a.params.export_all(b);
  auto const write = [&](auto const& change, std::map<std::string, std::string> const& meta = {}) {
    auto changed = values;
    change(changed);
    std::vector<scale::stored_tensor> tensors;
    for (auto const& [name, p] : changed)
      tensors.push_back(scale::as_stored(name, p.shape, std::span<float const>(p.values)));
    scale::write_safetensors(t / "m", tensors, meta);
  };
  using map = scale::host_parameters<float>;
  auto const refused = [&](char const* text) {
    CHECK_THROWS_WITH_AS(scale::model_file(t / "m"), doctest::Contains(text), scale::input_error);
  };
  write([](map&) {});
  CHECK(scale::model_file(t / "m").description().config.width == 32);
  write([](map& m) { m.erase("transformer.0.attn.qkv.bias"); });
  refused("transformer.0.attn.qkv.bias");
  write([](map& m) { m["extra"] = {{1}, {1.f}}; });
  refused("extra");
  write([](map& m) { m["norm.bias"] = {{31}, std::vector<float>(31)}; });
  refused("norm.bias");
  write([](map& m) { m.erase("set_head.2.weight"); });
  refused("set_head.2.weight");
  write([](map&) {}, {{"input", "centred"}});
  refused("input_scale");
  write([](map&) {}, {{"config", "{\"hidden\": 64}"}});
  refused("hidden");
  write([](map&) {}, {{"format", "scale-checkpoint-2"}});
  refused("scale-model-2");
}
