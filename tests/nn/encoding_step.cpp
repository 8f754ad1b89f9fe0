// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/encoding_step.hpp>

#include <nn/dense_oracle.hpp>
#include <support/finite_difference.hpp>

#include <cmath>
#include <limits>
#include <utility>

namespace {

using scale::index_t;
using testing::test_backend;

template <class T>
double network_tolerance() {
  return 10 * testing::tolerance<T>(64);
}

scale::set_transformer_config encoder_config(index_t layers) {
  scale::set_transformer_config c = testing::small_config();
  c.layers = layers;
  c.heads = scale::pretraining_heads::absent;
  return c;
}

template <class T, scale::backend B = test_backend>
struct outputs {
  scale::tensor<T, 2, B> h, cls;

  outputs(B const& b, index_t sets, index_t clips, index_t width)
      : h(b, scale::shape{sets * clips, width}), cls(b, scale::shape{sets, width}) {
    scale::fill(b, h, -77);
    scale::fill(b, cls, -77);
  }
  scale::encoded_sets<T, B> view() { return {.h = h.view(), .cls = cls.view()}; }
};

/// Splits an oracle's tokens into h and cls.
void split(testing::matrix const& tokens, index_t clips, std::vector<double>& h, std::vector<double>& cls) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::vector<double>& to = i % std::size_t(clips + 1) == 0 ? cls : h;
    to.insert(to.end(), tokens[i].begin(), tokens[i].end());
  }
}

TEST_CASE_TEMPLATE("encoding gives the plain formula's vectors, in parts or at once", T, SCALE_TEST_WIDE_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const layers : {1, 2, 3})
    for (index_t const clips : {1, 8, 16}) {
      CAPTURE(layers);
      CAPTURE(clips);
      scale::set_transformer_config const config = encoder_config(layers);
      auto const model = testing::random_model<T>(b, config);
      testing::clip_numbers numbers(5, clips, config.features, 0);
      std::vector<double> h, cls;
      split(testing::oracle_of(b, model).tokens(numbers), clips, h, cls);
      testing::clip_tensors<T, test_backend> const in(b, numbers);
      numbers.mask.clear();
      for (index_t const at_once : {5, 2}) {
        scale::encoding_step<T, test_backend> step(b, config, model.parameters().table(), scale::pass::inference,
                                                   at_once, clips);
        outputs<T> out(b, 5, clips, config.width), summaries(b, 5, clips, config.width);
        step.encode(b, model.parameters(), in.view(numbers), out.view());
        testing::check_close("h", testing::values_of(b, out.h), h, network_tolerance<T>());
        testing::check_close("cls", testing::values_of(b, out.cls), cls, network_tolerance<T>());
        step.encode(b, model.parameters(), in.view(numbers), {.cls = summaries.cls.view()});
        testing::check_close("cls alone", testing::values_of(b, summaries.cls), cls, network_tolerance<T>());
      }
    }
}

TEST_CASE_TEMPLATE("padded sets are as if alone, whatever the padding holds", T, SCALE_TEST_WIDE_TYPES) {
  test_backend const b = testing::make_backend();
  scale::set_transformer_config const config = encoder_config(2);
  auto const model = testing::random_model<T>(b, config);
  index_t const clips = 7, width = config.width;
  std::vector<std::int32_t> const lengths = {3, 7, 1, 5};
  testing::clip_numbers numbers(4, clips, config.features, 0);
  std::vector<double> h, cls;
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    testing::clip_numbers alone = numbers;
    alone.sets = 1;
    alone.clips = lengths[s];
    auto const cut = [&](std::vector<double>& values, index_t columns) {
      auto const begin = values.begin() + std::ptrdiff_t(s) * clips * columns;
      values = std::vector<double>(begin, begin + lengths[s] * columns);
    };
    cut(alone.x, config.features);
    cut(alone.position, scale::position_width);
    alone.mask.assign(std::size_t(lengths[s]), 0);
    std::vector<double> part;
    split(testing::oracle_of(b, model).tokens(alone), lengths[s], part, cls);
    part.resize(std::size_t(clips * width), 0.0);
    h.insert(h.end(), part.begin(), part.end());
  }
  for (double const padding : {0.0, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
    CAPTURE(padding);
    for (std::size_t s = 0; s < lengths.size(); ++s)
      for (index_t j = lengths[s]; j < clips; ++j) {
        index_t const clip = index_t(s) * clips + j;
        std::fill_n(numbers.x.begin() + clip * config.features, config.features, padding);
        std::fill_n(numbers.position.begin() + clip * scale::position_width, scale::position_width, padding);
      }
    testing::clip_tensors<T, test_backend> const in(b, numbers);
    scale::clip_sets<T, test_backend> sets = in.view(numbers);
    sets.mask = {};
    sets.lengths = lengths;
    scale::encoding_step<T, test_backend> step(b, config, model.parameters().table(), scale::pass::inference, 3, clips);
    outputs<T> out(b, 4, clips, width), summaries(b, 4, clips, width);
    // NaN all over the memory that the next call finds
    std::vector<T> const poison(std::size_t(4 * clips * config.features), std::numeric_limits<T>::quiet_NaN());
    auto const poisoned = testing::make_tensor<2>(b, in.x.extents(), poison);
    step.encode(b, model.parameters(), {.x = poisoned.view(), .position = in.position.view(), .clips = clips},
                out.view());
    step.encode(b, model.parameters(), sets, out.view());
    testing::check_close("h", testing::values_of(b, out.h), h, network_tolerance<T>());
    testing::check_close("cls", testing::values_of(b, out.cls), cls, network_tolerance<T>());
    step.encode(b, model.parameters(), sets, {.cls = summaries.cls.view()});
    testing::check_close("cls alone", testing::values_of(b, summaries.cls), cls, network_tolerance<T>());
  }
}

/// sum(wh * h) + sum(wc * cls) of a training forward in double on ref, and its gradients.
struct weighted_outputs {
  scale::ref::context b;
  scale::set_transformer_config config;
  testing::clip_numbers numbers;
  std::vector<std::int32_t> lengths;
  scale::set_transformer_model<double, scale::ref::context> model;
  testing::clip_tensors<double, scale::ref::context> in;
  scale::encoding_step<double, scale::ref::context> step;
  outputs<double, scale::ref::context> out;
  std::vector<double> wh, wc;

  weighted_outputs(scale::set_transformer_config const& c, std::vector<std::int32_t> set_lengths)
      : config(c),
        numbers(3, 4, c.features, 0),
        lengths(std::move(set_lengths)),
        model(testing::random_model<double>(b, c)),
        in(b, numbers),
        step(b, c, model.parameters().table(), scale::pass::training, 3, 4),
        out(b, 3, 4, c.width),
        wh(testing::random_values(12 * c.width, 50)),
        wc(testing::random_values(3 * c.width, 51)) {
    numbers.mask.clear();
    model.parameters().require_gradients(b);
  }

  double forward() {
    scale::clip_sets<double, scale::ref::context> sets = in.view(numbers);
    sets.lengths = lengths;
    step.forward(b, model.parameters(), sets, {.p = config.dropout, .seed = 4, .step = 8}, out.view());
    return testing::dot(testing::values_of(b, out.h), wh) + testing::dot(testing::values_of(b, out.cls), wc);
  }

  std::vector<double> gradient() {
    auto const dh = testing::make_tensor<2>(b, scale::shape{index_t{12}, config.width}, wh);
    auto const dcls = testing::make_tensor<2>(b, scale::shape{index_t{3}, config.width}, wc);
    model.parameters().zero_gradients(b);
    forward();
    step.backward(b, model.parameters(), {.dh = dh.view(), .dcls = dcls.view()});
    return testing::all_gradients(b, model.parameters());
  }
};

TEST_CASE("gradients through the encoder agree with differences, dropout on, full and padded sets") {
  for (std::vector<std::int32_t> const& lengths : {std::vector<std::int32_t>{}, std::vector<std::int32_t>{2, 4, 1}}) {
    scale::set_transformer_config config = encoder_config(2);
    config.features = 5;
    config.width = 32;
    config.dropout = 0.2;
    weighted_outputs c(config, lengths);
    std::vector<double> const gradient = c.gradient();
    testing::check_parameter_gradient(c.model.parameters(), gradient, [&] { return c.forward(); });
  }
}

TEST_CASE("masked outputs give the gradients of all outputs where only those count") {
  scale::ref::context const b;
  scale::set_transformer_config config = testing::small_config();
  config.dropout = 0.3;
  testing::clip_numbers const numbers(6, 5, config.features, 0.4);
  testing::clip_tensors<double, scale::ref::context> const in(b, numbers);
  auto model = testing::random_model<double>(b, config);
  auto& p = model.parameters();
  p.require_gradients(b);
  scale::step_dropout const dropout{.p = config.dropout, .seed = 1, .step = 2};
  std::vector<double> const weights = testing::random_values(6 * 6 * config.width, 60);
  std::vector<std::vector<double>> results;
  for (scale::token_outputs const which : {scale::token_outputs::all, scale::token_outputs::masked}) {
    scale::set_transformer<double, scale::ref::context> network(config, p.table());
    scale::arena<scale::ref::context> planned;
    network.plan(planned, scale::pass::training, 6, 5);
    scale::arena<scale::ref::context> memory(b, planned.peak());
    auto const out = network.forward(b, p, memory, in.view(numbers), which, scale::pass::training, dropout);
    auto const dout = memory.take<double>(out.extents());
    std::vector<std::int32_t> const& wanted = network.selection().wanted;
    for (index_t i = 0; i < dout.extent(0); ++i) {
      std::int32_t const token = wanted[std::size_t(i)];
      bool const counts = token % 6 == 0 || numbers.mask[std::size_t(token - token / 6 - 1)] != 0;
      for (index_t j = 0; j < config.width; ++j)
        dout(i, j) = counts ? weights[std::size_t(token * config.width + j)] : 0;
    }
    p.zero_gradients(b);
    network.backward(b, p, memory, dout);
    results.push_back(testing::all_gradients(b, p));
  }
  testing::check_close("gradient", results[1], results[0], 1e-13);
}

TEST_CASE_TEMPLATE("a training forward without dropout gives what encoding gives", T, SCALE_TEST_WIDE_TYPES) {
  test_backend const b = testing::make_backend();
  scale::set_transformer_config const config = encoder_config(2);
  auto const model = testing::random_model<T>(b, config);
  testing::clip_numbers numbers(4, 6, config.features, 0);
  numbers.mask.clear();
  testing::clip_tensors<T, test_backend> const in(b, numbers);
  scale::encoding_step<T, test_backend> step(b, config, model.parameters().table(), scale::pass::training, 4, 6);
  outputs<T> trained(b, 4, 6, config.width), encoded(b, 4, 6, config.width);
  step.forward(b, model.parameters(), in.view(numbers), {}, trained.view());
  step.encode(b, model.parameters(), in.view(numbers), encoded.view());
  testing::check_same_bits("h", testing::values_of(b, trained.h), testing::values_of(b, encoded.h));
  testing::check_same_bits("cls", testing::values_of(b, trained.cls), testing::values_of(b, encoded.cls));
}

TEST_CASE("the encoder refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::set_transformer_config const config = encoder_config(1);
  auto model = testing::random_model<float>(b, config);
  testing::clip_numbers numbers(4, 6, config.features, 0);
  std::vector<std::uint8_t> const mask = std::exchange(numbers.mask, {});
  testing::clip_tensors<float, test_backend> const in(b, numbers);
  scale::parameter_table const& table = model.parameters().table();
  scale::encoding_step<float, test_backend> step(b, config, table, scale::pass::inference, 4, 6);
  outputs<float> out(b, 4, 6, config.width);
  auto const refused = [&](auto const& change, std::vector<std::string> const& parts) {
    scale::clip_sets<float, test_backend> sets = in.view(numbers);
    change(sets);
    testing::check_argument_error([&] { step.encode(b, model.parameters(), sets, out.view()); }, parts);
  };
  std::vector<std::int32_t> lengths(4, 6);
  refused([](auto& sets) { sets.clips = 5; }, {"divisor"});
  refused([&](auto& sets) { sets.mask = mask; }, {"masked"});
  refused([&](auto& sets) { sets.lengths = std::span(lengths).first(3); }, {"lengths size", "4", "3"});
  lengths[2] = 7;
  refused([&](auto& sets) { sets.lengths = lengths; }, {"lengths[2]", "[1, 6]", "7"});
  lengths[2] = 0;
  refused([&](auto& sets) { sets.lengths = lengths; }, {"lengths[2]", "[1, 6]", "0"});
  testing::check_argument_error([&] { step.forward(b, model.parameters(), in.view(numbers), {}, out.view()); },
                                {"made for inference"});
  testing::check_argument_error([&] { step.backward(b, model.parameters(), {}); }, {"no forward"});
  scale::set_transformer_config wider = config;
  wider.width = 96;
  testing::check_argument_error(
      [&] { scale::encoding_step<float, test_backend>(b, wider, table, scale::pass::inference, 1, 1); },
      {"set_cls_token", "another shape"});
  wider = config;
  wider.layers = 2;
  testing::check_argument_error(
      [&] { scale::encoding_step<float, test_backend>(b, wider, table, scale::pass::inference, 1, 1); },
      {"transformer.1"});
}

}  // namespace
