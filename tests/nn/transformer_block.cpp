// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/transformer_block.hpp>

#include <nn/golden_case.hpp>

#include <string>
#include <vector>

namespace {

using scale::index_t;
using testing::golden_case;
using testing::test_backend;

/// The golden block's parameters have no prefix; a block's do.
std::string const block_name = "block";

TEST_CASE_TEMPLATE("golden: layer transformer_block", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& path : testing::golden_files("layer_transformer_block")) {
    golden_case const g(path, scale::dtype_of<T>);
    std::vector<index_t> const shape = g.fill_shape("x");  // [b, tokens, c]
    index_t const sets = shape[0], tokens = shape[1], width = shape[2], n = sets * tokens;
    auto const hidden = index_t(g.config().at("mlp_ratio").get<double>() * double(width));
    std::vector<scale::parameter_spec> specs;
    scale::add_transformer_block(specs, block_name, width, hidden);
    scale::parameters<T, test_backend> p(b, scale::parameter_table(specs));
    p.require_gradients(b);
    for (scale::parameter_entry const& e : p.table().entries()) {
      std::string const name = e.name.substr(block_name.size() + 1);
      p.write(b, e.name, testing::converted<scale::acc_t<T>>(g.parameter(name, e.shape)));
    }
    scale::transformer_block const block(p.table(), block_name, g.config().at("heads"), 0);
    auto const x = testing::make_tensor<2>(b, scale::shape{n, width}, testing::converted<T>(g.fill("x")));
    auto dy = testing::make_tensor<2>(b, scale::shape{n, width}, testing::converted<T>(g.fill("dy")));
    scale::tensor<T, 2, test_backend> y(b, scale::shape{n, width});
    scale::arena<test_backend> planned;
    block.take_state<T>(planned, scale::pass::training, n, n, true, tokens);
    block.plan_temporaries<T>(planned, scale::pass::training, n, n);
    scale::arena<test_backend> memory(b, planned.peak());
    auto const state = block.take_state<T>(memory, scale::pass::training, n, n, false, tokens);
    scale::token_layout<test_backend> const layout{.tokens = tokens};
    block.forward(b, p, memory, layout, {}, state, x.view(), y.view());
    block.backward(b, p, memory, layout, {}, state, x.view(), dy.view(), {});
    g.check("y", testing::values_of(b, y));
    g.check("grad/x", testing::values_of(b, dy));
    for (scale::parameter_entry const& e : p.table().entries())
      g.check("grad/" + e.name.substr(block_name.size() + 1), p.read_gradient(b, e.name));
  }
}

}  // namespace
