// SPDX-License-Identifier: Apache-2.0
#include <scale/optim/adamw.hpp>
#include <scale/ref.hpp>

#include <support/compare.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using scale::index_t;
using context = scale::ref::context;

scale::parameter_table small_table() {
  std::vector<scale::parameter_spec> specs;
  scale::add_layer_norm(specs, "norm", 5);
  scale::add_linear(specs, "first", 7, 3);
  scale::add_token(specs, "token", 9);
  scale::add_linear(specs, "second", 4, 7, scale::linear_bias::absent);
  return scale::parameter_table(specs);
}

TEST_CASE("adamw follows its formula, decays only what should, and keeps padding 0") {
  context const b;
  scale::parameters<double, context> p(b, small_table());
  p.require_gradients(b);
  std::vector<std::vector<double>> w, m, v;
  std::uint32_t which = 1;
  for (scale::parameter_entry const& e : p.table().entries()) {
    w.push_back(testing::random_values(e.size, which++));
    m.emplace_back(w.back().size());
    v.emplace_back(w.back().size());
    p.write(b, e.name, w.back());
  }
  scale::adamw<double, context> optimiser(b, p, {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-4, .weight_decay = 0.3});
  for (int k = 1; k <= 4; ++k) {
    double const lr = k == 1 ? 0 : 0.02 * k;
    for (std::size_t i = 0; i < w.size(); ++i) {
      scale::parameter_entry const& e = p.table().entries()[i];
      std::vector<double> const g = testing::random_values(e.size, which++);
      scale::upload(b, g, p.vector_gradient(i));
      for (std::size_t j = 0; j < g.size(); ++j) {
        if (e.shape.size() == 2) w[i][j] *= 1 - lr * 0.3;
        m[i][j] = 0.8 * m[i][j] + 0.2 * g[j];
        v[i][j] = 0.99 * v[i][j] + 0.01 * g[j] * g[j];
        w[i][j] -= lr / (1 - std::pow(0.8, k)) * m[i][j] / (std::sqrt(v[i][j] / (1 - std::pow(0.99, k))) + 1e-4);
      }
    }
    optimiser.step(b, p, lr);
    CHECK(optimiser.steps() == k);
    for (std::size_t i = 0; i < w.size(); ++i)
      testing::check_close(p.table().entries()[i].name, p.read(b, p.table().entries()[i].name), w[i], 1e-13);
  }
  auto const first = scale::export_flat(b, p.table(), std::as_const(optimiser).first_moments());
  auto const second = scale::export_flat(b, p.table(), std::as_const(optimiser).second_moments());
  for (std::size_t i = 0; i < w.size(); ++i) {
    std::string const& name = p.table().entries()[i].name;
    testing::check_close(name, first.at(name).values, m[i], 1e-13);
    testing::check_close(name, second.at(name).values, v[i], 1e-13);
  }
  std::vector<double> all(std::size_t(p.table().size()));
  scale::download(b, p.values(), all);
  for (scale::parameter_entry const& e : p.table().entries()) std::fill_n(all.begin() + e.offset, e.size, 0.0);
  for (double const value : all) REQUIRE(value == 0);
}

TEST_CASE("adamw resumes to the same bits") {
  context const b;
  auto const make = [&] {
    scale::parameters<float, context> p(b, small_table());
    p.initialise(b, 5);
    p.require_gradients(b);
    return p;
  };
  auto const gradient_of = [&](scale::parameters<float, context>& p, int k) {
    for (std::size_t i = 0; i < p.table().entries().size(); ++i)
      scale::upload(
          b, testing::random_values<float>(p.table().entries()[i].size, std::uint32_t(100 * k) + std::uint32_t(i)),
          p.vector_gradient(i));
  };
  scale::parameters<float, context> whole = make(), part = make();
  scale::adamw<float, context> one(b, whole, {}), two(b, part, {});
  for (int k = 0; k < 6; ++k) {
    gradient_of(whole, k);
    one.step(b, whole, 1e-2);
    if (k == 3) {
      scale::adamw<float, context> resumed(b, part, {});
      scale::import_flat(b, part.table(), scale::export_flat(b, part.table(), std::as_const(two).first_moments()),
                         resumed.first_moments());
      scale::import_flat(b, part.table(), scale::export_flat(b, part.table(), std::as_const(two).second_moments()),
                         resumed.second_moments());
      resumed.set_steps(two.steps());
      two = std::move(resumed);
    }
    gradient_of(part, k);
    two.step(b, part, 1e-2);
  }
  for (scale::parameter_entry const& e : whole.table().entries())
    testing::check_same_bits(e.name, part.read(b, e.name), whole.read(b, e.name));
}

TEST_CASE("adamw refuses parameters of another network") {
  context const b;
  scale::parameters<float, context> p(b, small_table());
  std::vector<scale::parameter_spec> specs;
  scale::add_token(specs, "token", 9);
  scale::parameters<float, context> other(b, scale::parameter_table(specs));
  scale::adamw<float, context> optimiser(b, p, {});
  testing::check_argument_error([&] { optimiser.step(b, other, 1); }, {"adamw", "parameters"});
  testing::check_argument_error([&] { optimiser.set_steps(-1); }, {"steps", "-1"});
  CHECK_THROWS_AS(optimiser.step(b, p, 1), scale::argument_error);  // no gradients yet
  CHECK(optimiser.steps() == 0);
}

}  // namespace
