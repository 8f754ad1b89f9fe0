// SPDX-License-Identifier: Apache-2.0
// Golden kind layer: attention, MLP and the transformer block, through the layers of scale/nn.
#include <scale/nn/linear_layer.hpp>
#include <scale/nn/transformer_block.hpp>
#include <scale/ops.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"
#include "scale/verify/network_parameters.hpp"

namespace scale::program {

namespace {

template <floating T, backend B>
struct token_case {
  token_case(B const& b, golden_case const& golden) {
    auto const extents = golden.filled_shape("x");
    sets = extents[0];
    tokens = extents[1];
    rows = {sets * tokens, extents[2]};
    x = to_device<T>(b, rows, golden.filled("x"));
    dy = to_device<T>(b, rows, golden.filled("dy"));
    y = tensor<T, 2, B>(b, rows);
    dx = tensor<T, 2, B>(b, rows);
  }

  index_t sets, tokens;
  shape<2> rows;
  tensor<T, 2, B> x, dy, y, dx;
};

template <floating T, backend B>
void check_case(B const& b, token_case<T, B>& in, parameters<T, B>& p, comparison& result) {
  result.check("y", to_host(b, in.y));
  result.check("grad/x", to_host(b, in.dx));
  check_gradients(b, p, result);
}

template <floating T, backend B>
void verify_attention(B const& b, golden_case const& golden, comparison& result) {
  token_case<T, B> in(b, golden);
  index_t const c = in.rows[1], heads = golden.config().at("heads").get<index_t>();
  std::vector<parameter_spec> specs;
  add_linear(specs, "qkv", 3 * c, c);
  add_linear(specs, "proj", c, c);
  parameters<T, B> p = filled_parameters<T>(b, golden, specs);
  linear_layer const qkv(p.table(), "qkv"), proj(p.table(), "proj");
  shape<2> const joint_shape{in.rows[0], 3 * c};
  tensor<T, 2, B> joint(b, joint_shape), djoint(b, joint_shape), attended(b, in.rows), dattended(b, in.rows);
  tensor<T, 3, B> probs(b, shape{in.rows[0], heads, in.tokens});
  double const scale = golden.config().at("scale").get<double>();
  auto const part = [&](tensor<T, 2, B>& all, index_t k) { return all.view().columns(k * c, c); };
  qkv.forward(b, p, in.x, joint);
  attention_forward(b, part(joint, 0),
                    {.k = part(joint, 1),
                     .v = part(joint, 2),
                     .heads = heads,
                     .tokens = in.tokens,
                     .out = attended,
                     .probs = probs,
                     .scale = scale});
  proj.forward(b, p, attended, in.y);
  proj.backward(b, p, attended, in.dy, dattended);
  attention_backward(b, part(joint, 0),
                     {.k = part(joint, 1),
                      .v = part(joint, 2),
                      .probs = probs,
                      .dout = dattended,
                      .heads = heads,
                      .tokens = in.tokens,
                      .dq = part(djoint, 0),
                      .dk = part(djoint, 1),
                      .dv = part(djoint, 2),
                      .scale = scale});
  qkv.backward(b, p, in.x, djoint, in.dx);
  check_case(b, in, p, result);
}

template <floating T, backend B>
void verify_mlp(B const& b, golden_case const& golden, comparison& result) {
  token_case<T, B> in(b, golden);
  index_t const c = in.rows[1], hidden = golden.parameter_shape("fc1.weight")[0];
  std::vector<parameter_spec> specs;
  add_linear(specs, "fc1", hidden, c);
  add_linear(specs, "fc2", c, hidden);
  parameters<T, B> p = filled_parameters<T>(b, golden, specs);
  linear_layer const fc1(p.table(), "fc1"), fc2(p.table(), "fc2");
  shape<2> const s{in.rows[0], hidden};
  tensor<T, 2, B> pre(b, s), act(b, s), dact(b, s);
  fc1.forward(b, p, in.x, act, activation::gelu, pre);
  fc2.forward(b, p, act, in.y);
  fc2.backward(b, p, act, in.dy, dact);
  gelu_backward(b, pre, {.dy = dact, .dx = dact});
  fc1.backward(b, p, in.x, dact, in.dx);
  check_case(b, in, p, result);
}

template <floating T, backend B>
void verify_transformer_block(B const& b, golden_case const& golden, comparison& result) {
  token_case<T, B> in(b, golden);
  index_t const n = in.rows[0], c = in.rows[1];
  std::vector<parameter_spec> specs;
  add_transformer_block(specs, "block", c, golden.parameter_shape("mlp.fc1.weight")[0]);
  parameters<T, B> p = filled_parameters<T>(b, golden, specs, "block.");
  transformer_block const block(p.table(), "block", golden.config().at("heads").get<index_t>(), 0);
  arena<B> planned;
  block.template take_state<T>(planned, pass::training, n, n, false, in.tokens);
  block.template plan_temporaries<T>(planned, pass::training, n, n);
  arena<B> memory(b, planned.peak());
  auto const state = block.template take_state<T>(memory, pass::training, n, n, false, in.tokens);
  token_layout<B> layout;
  layout.tokens = in.tokens;
  block.forward(b, p, memory, layout, step_dropout{}, state, in.x, in.y);
  block.backward(b, p, memory, layout, step_dropout{}, state, in.x, in.dy, {});
  result.check("y", to_host(b, in.y));
  result.check("grad/x", to_host(b, in.dy));  // left where dy was
  check_gradients(b, p, result, "block.");
}

}  // namespace

template <class T, class B>
void verify_block_layer(B const& b, golden_case const& golden, comparison& result) {
  std::string const op = golden.config().at("op");
  if (op == "attention") return verify_attention<T>(b, golden, result);
  if (op == "mlp") return verify_mlp<T>(b, golden, result);
  verify_transformer_block<T>(b, golden, result);
}

#define SCALE_INSTANTIATE(T, B) template void verify_block_layer<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE

}  // namespace scale::program
