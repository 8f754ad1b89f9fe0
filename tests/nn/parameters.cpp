// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/parameters.hpp>
#include <scale/optim/adamw.hpp>

#include <nn/network_case.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using scale::index_t;
using testing::test_backend;

TEST_CASE("the table puts what decays first, aligned, without overlap") {
  scale::parameter_table const table(scale::set_transformer_parameters(testing::small_config()));
  index_t elements = 0;
  std::vector<std::pair<index_t, index_t>> ranges;
  for (scale::parameter_entry const& e : table.entries()) {
    index_t product = 1;
    for (index_t const extent : e.shape) product *= extent;
    CHECK(e.size == product);
    CHECK(e.offset % scale::parameter_table::alignment == 0);
    if (e.decay == scale::weight_decay::yes)
      CHECK(e.offset + e.size <= table.decayed());
    else
      CHECK(e.offset >= table.decayed());
    bool const matrix = e.shape.size() == 2;
    CHECK_MESSAGE((e.decay == scale::weight_decay::yes) == matrix, e.name);
    ranges.emplace_back(e.offset, e.offset + e.size);
    elements += e.size;
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) CHECK(ranges[i].first >= ranges[i - 1].second);
  CHECK(ranges.back().second <= table.size());
  CHECK(table.size() - elements < index_t(table.entries().size()) * scale::parameter_table::alignment);
}

TEST_CASE("the released model has its released size") {
  scale::set_transformer_config c;
  c.features = 2048;
  index_t elements = 0;
  scale::parameter_table const table(scale::set_transformer_parameters(c));
  for (scale::parameter_entry const& e : table.entries()) elements += e.size;
  CHECK(table.entries().size() == 41);
  // input 2048 * 256 + 256; positions 7 * 512 + 512 + 512 * 256 + 256; tokens 512; blocks 2 * (3 * 256 * 256 + 768 +
  // 256 * 256 + 256 + 4 * 256 + 2 * 256 * 512 + 768); norm 512; set and prediction heads (256 + 128) * 4096 each;
  // target head 2048 * 2048 * 2 + 2048 * 128
  CHECK(elements == 524544 + 135424 + 512 + 2 * 527104 + 512 + 2 * 1572864 + 8650752);
}

TEST_CASE("tables and configurations that cannot be are refused") {
  using specs = std::vector<scale::parameter_spec>;
  auto const spec = [](std::string name, index_t extent) {
    return scale::parameter_spec{std::move(name), {extent}, scale::weight_decay::no, scale::initial_value::zero, 0};
  };
  testing::check_argument_error([&] { scale::parameter_table(specs{spec("a", 2), spec("a", 3)}); }, {"a"});
  testing::check_argument_error([&] { scale::parameter_table(specs{spec("a", 0)}); }, {"a, extent", "at least 1"});
  testing::check_argument_error([&] { scale::parameter_table(specs{spec("", 1)}); }, {"no name"});
  testing::check_argument_error([&] { scale::parameter_table(specs{{"w", {2, 2}}}); }, {"w, fan_in"});
  testing::check_argument_error([&] { (void)scale::parameter_table(specs{spec("a", 2)}).at("b"); }, {"b"});

  auto const refused = [](auto const& change, std::vector<std::string> const& parts) {
    scale::set_transformer_config c = testing::small_config();
    change(c);
    testing::check_argument_error([&] { scale::check(c); }, parts);
  };
  refused([](auto& c) { c.width = 48; }, {"width", "multiple of 32", "48"});
  refused([](auto& c) { c.features = 0; }, {"features"});
  refused([](auto& c) { c.layers = 0; }, {"layers"});
  refused([](auto& c) { c.mlp_ratio = 0.33; }, {"mlp_ratio"});
  refused([](auto& c) { c.mlp_ratio = NAN; }, {"mlp_ratio"});
  refused([](auto& c) { c.dropout = 1; }, {"dropout"});
  refused([](auto& c) { c.dropout = -0.1; }, {"dropout"});
  refused([](auto& c) { c.set_temperature = 0; }, {"set_temperature"});
  refused([](auto& c) { c.dense_weight = -1; }, {"dense_weight"});
  refused([](auto& c) { c.set_weight = c.dense_weight = 0; }, {"set_weight + dense_weight"});
  refused([](auto& c) { c.set_dim = 0; }, {"set_dim"});
}

TEST_CASE_TEMPLATE("start values keep their rules and depend on the seed alone", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::set_transformer_config const config = testing::small_config();
  scale::set_transformer_model<T, test_backend> const one(b, config, 42), same(b, config, 42), other(b, config, 43);
  for (scale::parameter_entry const& e : one.parameters().table().entries()) {
    auto const values = one.parameters().read(b, e.name);
    testing::check_same_bits(e.name, values, same.parameters().read(b, e.name));
    if (e.initial != scale::initial_value::uniform) {
      for (auto const v : values) REQUIRE(v == (e.initial == scale::initial_value::one ? 1 : 0));
      continue;
    }
    CHECK(values != other.parameters().read(b, e.name));
    double const bound = 1 / std::sqrt(double(e.fan_in));
    double largest = 0, sum = 0, squares = 0;
    for (auto const v : values) {
      largest = (std::max)(largest, std::abs(double(v)));
      sum += double(v);
      squares += double(v) * double(v);
    }
    double const n = double(values.size());
    CHECK(largest <= bound * (1 + testing::unit_roundoff<T>));
    if (n < 200) continue;
    CHECK(largest > 0.9 * bound);
    CHECK(std::abs(sum / n) < 6 * bound / std::sqrt(3 * n));                      // six standard errors
    CHECK(std::abs(squares / n / (bound * bound) - 1.0 / 3) < 2 / std::sqrt(n));  // 6.7 standard errors
  }
  CHECK(one.parameters().table().at("transformer.0.mlp.fc2.bias").fan_in == 128);
}

TEST_CASE_TEMPLATE("export and import give the same bits back, by name", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  auto const model = testing::random_model<T>(b, testing::small_config());
  scale::host_parameters<scale::acc_t<T>> all = model.parameters().export_all(b);
  CHECK(all.size() == model.parameters().table().entries().size());
  scale::set_transformer_model<T, test_backend> copy(b, testing::small_config(), 9);
  copy.parameters().import_all(b, all);
  std::vector<T> first(std::size_t(model.parameters().table().size())), second(first.size());
  scale::download(b, model.parameters().values(), first);
  scale::download(b, std::as_const(copy).parameters().values(), second);
  testing::check_same_bits("parameters, padding included", second, first);

  scale::host_parameters<scale::acc_t<T>> changed = all;
  changed.erase("norm.bias");
  testing::check_argument_error([&] { copy.parameters().import_all(b, changed); }, {"norm.bias", "missing"});
  changed = all;
  changed["extra"] = {{1}, {0}};
  testing::check_argument_error([&] { copy.parameters().import_all(b, changed); }, {"no parameter extra"});
  changed = all;
  changed["norm.bias"].shape = {1, 64};
  testing::check_argument_error([&] { copy.parameters().import_all(b, changed); }, {"norm.bias", "shape"});
  CHECK_THROWS_AS(copy.parameters().gradients(), scale::argument_error);
  CHECK_THROWS_AS(copy.parameters().read(b, "norm.beta"), scale::argument_error);
}

TEST_CASE("a network in a 16-bit type is trained on masters in float, of which its values are the rounded copy") {
  test_backend const b = testing::make_backend();
  scale::set_transformer_config const config = testing::small_config();
  scale::set_transformer_model<scale::bf16, test_backend> model(b, config, 7);
  scale::set_transformer_model<float, test_backend> const wide(b, config, 7);
  auto& p = model.parameters();
  CHECK_THROWS_AS(p.masters(), scale::argument_error);
  auto const agrees = [&](std::string const& what) {
    for (scale::parameter_entry const& entry : p.table().entries()) {
      std::vector<scale::bf16> values(std::size_t(entry.size));
      scale::download(b, p.values().rows(entry.offset, entry.size), values);
      testing::check_same_bits(what + ", " + entry.name, values,
                               testing::converted<scale::bf16>(p.read(b, entry.name)));
    }
  };
  std::string const name = "transformer.0.mlp.fc1.weight";
  auto const rounded = testing::converted<float>(testing::converted<scale::bf16>(wide.parameters().read(b, name)));
  testing::check_same_bits("before masters exist", p.read(b, name), rounded);
  p.require_gradients(b);
  testing::check_same_bits("masters begin as the values", p.read(b, name), rounded);
  p.initialise(b, 7);
  testing::check_same_bits("start values", p.read(b, name), wide.parameters().read(b, name));
  agrees("start values");
  auto gradient = p.gradients();
  scale::fill(b, gradient, 0.5);
  scale::adamw<scale::bf16, test_backend> optimiser(b, p, {});
  optimiser.step(b, p, 1e-5);  // less than half a step of bf16 for most values
  agrees("after a step");
  auto const after = p.read(b, name), before = wide.parameters().read(b, name);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < after.size(); ++i) moved += after[i] != before[i] ? 1u : 0u;
  CHECK(moved == after.size());
  scale::set_transformer_model<scale::bf16, test_backend> copy(b, config, 1);
  copy.parameters().require_gradients(b);
  copy.parameters().import_all(b, p.export_all(b));
  testing::check_same_bits("imported", copy.parameters().read(b, name), after);
}

}  // namespace
