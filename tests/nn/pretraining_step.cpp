// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/pretraining_step.hpp>

#include <nn/dense_oracle.hpp>

#include <algorithm>
#include <cmath>

namespace {

using scale::index_t;
using testing::test_backend;

/// Rounding of a whole network: sums of up to 64 terms, one after another in some ten layers.
template <class T>
double network_tolerance() {
  return 10 * testing::tolerance<T>(64);
}

template <class T>
struct step_case {
  test_backend b = testing::make_backend();
  testing::clip_numbers numbers;
  testing::clip_tensors<T, test_backend> tensors;
  scale::set_transformer_model<T, test_backend> model;
  scale::pretraining_step<T, test_backend> step;

  step_case(scale::set_transformer_config const& config, index_t videos, index_t clips, double mask_ratio,
            index_t max_videos = 0)
      : numbers(2 * videos, clips, config.features, mask_ratio),
        tensors(b, numbers),
        model(testing::random_model<T>(b, config)),
        step(b, config, max_videos > 0 ? max_videos : videos, clips) {}

  scale::pretraining_losses run(std::uint32_t number = 5) {
    return step.forward_backward(b, model, tensors.view(numbers), 17, number);
  }

  testing::dense_oracle::losses expected(std::uint32_t number = 5) const {
    testing::dense_oracle oracle = testing::oracle_of(b, model);
    oracle.dropout = model.config().dropout;
    oracle.seed = 17;
    oracle.step = number;
    return oracle.evaluate(numbers);
  }
};

template <class T>
void check_against_oracle(step_case<T>& c) {
  scale::pretraining_losses const got = c.run();
  testing::dense_oracle::losses const expected = c.expected();
  double const tolerance = network_tolerance<T>();
  CHECK(got.masked == c.numbers.masked());
  testing::check_close("losses", std::vector<double>{got.set_loss, got.dense_loss, got.total},
                       std::vector<double>{expected.set_loss, expected.dense_loss, expected.total}, tolerance);
  CHECK(std::abs(got.set_accuracy - expected.set_accuracy) < 1e-9);
  CHECK(std::abs(got.dense_accuracy - expected.dense_accuracy) < 1e-9);
  std::vector<T> z(std::size_t(c.step.z().size()));
  scale::download(c.b, c.step.z(), z);
  testing::check_close("z", z, testing::flat(expected.z), tolerance);
}

TEST_CASE_TEMPLATE("the sparse step gives the losses of the plain formula, dropout included", T,
                   SCALE_TEST_WIDE_TYPES) {
  for (double const dropout : {0.0, 0.1, 0.6}) {
    CAPTURE(dropout);
    scale::set_transformer_config config = testing::small_config();
    config.dropout = dropout;
    step_case<T> c(config, 4, 5, 0.3);
    check_against_oracle(c);
  }
}

TEST_CASE_TEMPLATE("the step agrees with the plain formula at the edges", T, SCALE_TEST_WIDE_TYPES) {
  struct edge {
    index_t videos, clips, layers;
    double mask_ratio;
  };
  for (edge const e : {edge{3, 4, 2, 0.0}, edge{3, 4, 1, 1.1}, edge{3, 4, 2, 1.1}, edge{1, 5, 2, 0.5},
                       edge{5, 1, 1, 0.5}, edge{1, 1, 1, 1.1}, edge{1, 1, 2, 0.0}, edge{2, 16, 3, 0.25}}) {
    CAPTURE(e.videos);
    CAPTURE(e.clips);
    CAPTURE(e.layers);
    CAPTURE(e.mask_ratio);
    scale::set_transformer_config config = testing::small_config();
    config.layers = e.layers;
    step_case<T> c(config, e.videos, e.clips, e.mask_ratio);
    check_against_oracle(c);
  }
}

TEST_CASE_TEMPLATE("weights and temperatures enter the total", T, SCALE_TEST_WIDE_TYPES) {
  scale::set_transformer_config config = testing::small_config();
  config.set_temperature = 0.07;
  config.dense_temperature = 0.5;
  config.set_weight = 0.3;
  config.dense_weight = 1.7;
  config.mlp_ratio = 1.5;
  step_case<T> c(config, 4, 3, 0.4);
  check_against_oracle(c);
}

TEST_CASE_TEMPLATE("without masked clips there is no dense loss and no gradient of it", T, SCALE_TEST_WIDE_TYPES) {
  step_case<T> c(testing::small_config(), 3, 4, 0);
  scale::pretraining_losses const got = c.run();
  CHECK(got.masked == 0);
  CHECK(got.dense_loss == 0);
  CHECK(got.dense_accuracy == 0);
  CHECK(got.total == got.set_loss / 2);
  for (char const* name : {"dense_pred_head.0.weight", "dense_target_head.4.weight", "msk_token"})
    for (auto const value : c.model.parameters().read_gradient(c.b, name)) REQUIRE(value == 0);

  std::vector<std::uint8_t> const kept = c.numbers.mask;
  c.numbers.mask.clear();  // an absent mask is the same
  CHECK(c.run().total == got.total);
}

TEST_CASE_TEMPLATE("one video has no set loss", T, SCALE_TEST_WIDE_TYPES) {
  step_case<T> c(testing::small_config(), 1, 4, 0.5);
  scale::pretraining_losses const got = c.run();
  CHECK(got.set_loss == 0);
  CHECK(got.set_accuracy == 100);
  for (auto const value : c.model.parameters().read_gradient(c.b, "set_head.0.weight")) REQUIRE(std::abs(value) < 1e-6);
}

TEST_CASE_TEMPLATE("a step is a function of its arguments", T, SCALE_TEST_TYPES) {
  step_case<T> c(testing::small_config(), 3, 4, 0.4, 7);
  double const first = c.run(5).total;
  auto const gradient = c.model.parameters().read_gradient(c.b, "transformer.0.attn.qkv.weight");
  CHECK(c.run(6).total != first);  // other dropout
  CHECK(c.run(5).total == first);
  testing::check_same_bits("gradient", c.model.parameters().read_gradient(c.b, "transformer.0.attn.qkv.weight"),
                           gradient);
}

TEST_CASE_TEMPLATE("gradients agree with those of ref in double", T, SCALE_TEST_WIDE_TYPES) {
  scale::ref::context const ref;
  for (double const mask_ratio : {0.3, 1.1}) {
    step_case<T> c(testing::small_config(), 5, 6, mask_ratio);
    c.run();
    auto oracle = testing::random_model<double>(ref, testing::small_config());
    testing::clip_tensors<double, scale::ref::context> const in(ref, c.numbers);
    scale::pretraining_step<double, scale::ref::context> step(ref, testing::small_config(), 5, 6);
    step.forward_backward(ref, oracle, in.view(c.numbers), 17, 5);
    for (scale::parameter_entry const& entry : c.model.parameters().table().entries()) {
      auto got = c.model.parameters().read_gradient(c.b, entry.name);
      std::vector<double> expected = oracle.parameters().read_gradient(ref, entry.name);
      if (entry.name.ends_with("qkv.bias"))  // that of the keys is 0 but for rounding: the softmax does not see it
        for (std::size_t i = got.size() / 3; i < got.size() / 3 * 2; ++i) expected[i] = 0, got[i] = 0;
      testing::check_close(entry.name, got, expected, 4 * network_tolerance<T>());
    }
  }
}

TEST_CASE("the gradient of the whole objective agrees with differences, dropout on") {
  scale::ref::context const b;
  scale::set_transformer_config config;
  config.features = 5;
  config.width = 32;
  config.layers = 2;
  config.dropout = 0.2;
  config.pred_hidden = 6;
  config.target_hidden = 7;
  config.set_dim = 5;
  config.dense_dim = 4;
  config.set_weight = 0.7;
  testing::clip_numbers const numbers(6, 3, 5, 0.35);
  REQUIRE(numbers.masked() > 2);
  testing::clip_tensors<double, scale::ref::context> const in(b, numbers);
  auto model = testing::random_model<double>(b, config);
  scale::parameters<double, scale::ref::context>& p = model.parameters();
  scale::pretraining_step<double, scale::ref::context> step(b, config, 3, 3);
  auto const total = [&] { return step.forward_backward(b, model, in.view(numbers), 9, 2).total; };
  total();
  testing::check_parameter_gradient(p, testing::all_gradients(b, p), total);
}

TEST_CASE("padding between parameters keeps gradient 0") {
  step_case<float> c(testing::small_config(), 3, 4, 0.4);
  c.run();
  scale::parameter_table const& table = c.model.parameters().table();
  std::vector<float> all = testing::all_gradients(c.b, c.model.parameters());
  for (scale::parameter_entry const& entry : table.entries()) std::fill_n(all.begin() + entry.offset, entry.size, 0.0f);
  for (float const value : all) REQUIRE(value == 0);
}

TEST_CASE("the step refuses batches it was not made for") {
  step_case<float> c(testing::small_config(), 2, 4, 0.4);
  auto const refused = [&](auto const& change, std::vector<std::string> const& parts) {
    scale::clip_sets<float, test_backend> batch = c.tensors.view(c.numbers);
    change(batch);
    testing::check_argument_error([&] { c.step.forward_backward(c.b, c.model, batch, 1, 1); }, parts);
  };
  refused([](auto& batch) { batch.clips = 3; }, {"pretraining_step", "x.extent(0)", "2 * clips = 6"});
  refused([](auto& batch) { batch.clips = 0; }, {"clips"});
  refused([](auto& batch) { batch.mask = batch.mask.subspan(1); }, {"mask size", "16", "15"});
  refused([](auto& batch) { batch.x = batch.x.rows(0, 0); }, {"not 0"});
  std::vector<std::int32_t> const lengths(4, 4);
  refused([&](auto& batch) { batch.lengths = lengths; }, {"lengths"});

  testing::clip_numbers const more(8, 4, c.numbers.features, 0.4);
  testing::clip_tensors<float, test_backend> const large(c.b, more);
  CHECK_THROWS_AS(c.step.forward_backward(c.b, c.model, large.view(more), 1, 1), scale::argument_error);

  scale::set_transformer_config other = testing::small_config();
  other.layers = 1;
  scale::set_transformer_model<float, test_backend> model(c.b, other, 1);
  testing::check_argument_error([&] { c.step.forward_backward(c.b, model, c.tensors.view(c.numbers), 1, 1); },
                                {"other sizes"});
  scale::set_transformer_config headless = testing::small_config();
  headless.heads = scale::pretraining_heads::absent;
  CHECK_THROWS_AS((scale::pretraining_step<float, test_backend>(c.b, headless, 2, 4)), scale::argument_error);
}

}  // namespace
