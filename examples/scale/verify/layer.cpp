// SPDX-License-Identifier: Apache-2.0
// Golden kind layer: single operators on matrices.
#include <scale/ops.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"

namespace scale::program {

namespace {

/// Extents with all but the last axis folded into one.
shape<2> folded(std::vector<index_t> const& extents) {
  index_t rows = 1;
  for (std::size_t axis = 0; axis + 1 < extents.size(); ++axis) rows *= extents[axis];
  return {rows, extents.back()};
}

template <floating T, backend B>
struct layer_inputs {
  layer_inputs(B const& b, golden_case const& golden) : extents(folded(golden.filled_shape("x"))) {
    std::vector<double> values = golden.filled("x");
    if (golden.config().contains("zero_rows"))
      for (index_t const row : golden.config().at("zero_rows").get<std::vector<index_t>>())
        std::fill_n(values.begin() + row * extents[1], extents[1], 0.0);
    x = to_device<T>(b, extents, values);
    if (golden.has_fill("dy")) dy = to_device<T>(b, folded(golden.filled_shape("dy")), golden.filled("dy"));
  }

  shape<2> extents;
  tensor<T, 2, B> x, dy;
};

template <floating T, backend B, class Forward, class Backward>
void verify_elementwise(B const& b, golden_case const& golden, comparison& result, Forward const& forward,
                        Backward const& backward) {
  layer_inputs<T, B> in(b, golden);
  tensor<T, 2, B> y(b, in.extents), dx(b, in.extents);
  forward(in.x, y);
  backward(in.x, y, in.dy, dx);
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, dx));
}

template <floating T, backend B>
void verify_linear(B const& b, golden_case const& golden, comparison& result) {
  layer_inputs<T, B> in(b, golden);
  shape<2> const weight_shape = to_shape<2>(golden.parameter_shape("weight"));
  index_t const n = in.extents[0], o = weight_shape[0];
  auto const weight = to_device<T>(b, weight_shape, golden.parameter("weight"));
  bool const biased = golden.has_parameter("bias");
  tensor<T, 1, B> bias;
  if (biased) bias = to_device<T>(b, shape{o}, golden.parameter("bias"));
  tensor<T, 2, B> y(b, shape{n, o}), dx(b, in.extents);
  auto dweight = zeros<acc_t<T>>(b, weight_shape);
  auto dbias = zeros<acc_t<T>>(b, shape{o});
  linear_forward(b, in.x, {.weight = weight, .bias = bias, .y = y});
  linear_backward(b, in.x, {.dy = in.dy, .weight = weight, .dx = dx, .dweight = dweight, .dbias = dbias});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, dx));
  result.check("grad/weight", to_host(b, dweight));
  if (biased) result.check("grad/bias", to_host(b, dbias));
}

template <floating T, backend B>
void verify_layer_norm(B const& b, golden_case const& golden, comparison& result) {
  layer_inputs<T, B> in(b, golden);
  index_t const n = in.extents[0], c = in.extents[1];
  auto const gamma = to_device<T>(b, shape{c}, golden.parameter("weight"));
  auto const beta = to_device<T>(b, shape{c}, golden.parameter("bias"));
  tensor<T, 2, B> y(b, in.extents), dx(b, in.extents);
  tensor<stat_t<T>, 1, B> mean(b, shape{n}), rstd(b, shape{n});
  auto dgamma = zeros<acc_t<T>>(b, shape{c});
  auto dbeta = zeros<acc_t<T>>(b, shape{c});
  layer_norm_forward(b, in.x,
                     {.gamma = gamma,
                      .beta = beta,
                      .y = y,
                      .mean = mean,
                      .rstd = rstd,
                      .eps = golden.config().at("eps").get<double>()});
  layer_norm_backward(
      b, in.x, {.dy = in.dy, .gamma = gamma, .mean = mean, .rstd = rstd, .dx = dx, .dgamma = dgamma, .dbeta = dbeta});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, dx));
  result.check("grad/weight", to_host(b, dgamma));
  result.check("grad/bias", to_host(b, dbeta));
}

template <floating T, backend B>
void verify_info_nce(B const& b, golden_case const& golden, comparison& result) {
  shape<2> const s = to_shape<2>(golden.filled_shape("a"));
  index_t const n = s[0], c = s[1];
  double const temperature = golden.config().at("temperature").get<double>();
  auto const a = to_device<T>(b, s, golden.filled("a"));
  auto const other = to_device<T>(b, s, golden.filled("b"));
  tensor<stat_t<T>, 1, B> loss(b, shape{1});
  tensor<T, 2, B> da = zeros<T>(b, s), db = zeros<T>(b, s);
  if (golden.config().at("symmetric").get<bool>()) {
    tensor<stat_t<T>, 1, B> lse_rows(b, shape{n}), lse_columns(b, shape{n});
    tensor<std::int32_t, 1, B> correct(b, shape{2});
    symmetric_info_nce_forward(b, a,
                               {.other = other,
                                .temperature = temperature,
                                .lse_rows = lse_rows,
                                .lse_columns = lse_columns,
                                .loss = loss,
                                .correct = correct});
    symmetric_info_nce_backward(b, a,
                                {.other = other,
                                 .temperature = temperature,
                                 .lse_rows = lse_rows,
                                 .lse_columns = lse_columns,
                                 .scale = 1,
                                 .da = da,
                                 .dother = db});
    auto const hits = to_host(b, correct);
    result.check("acc", 100 * (hits[0] + hits[1]) / (2 * static_cast<double>(n)));
  } else {
    auto const mask = golden.stored<std::uint8_t>("mask");
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i] != 0) rows.push_back(static_cast<std::int32_t>(i));
    index_t const m = static_cast<index_t>(rows.size());
    auto const target = to_device(b, rows);
    tensor<T, 2, B> q(b, shape{m, c}), dq(b, shape{m, c});
    tensor<stat_t<T>, 1, B> lse(b, shape{m});
    tensor<std::int32_t, 1, B> correct(b, shape{1});
    gather_rows_forward(b, a, {.index = target, .y = q});
    info_nce_forward(
        b, q,
        {.keys = other, .target = target, .temperature = temperature, .lse = lse, .loss = loss, .correct = correct});
    info_nce_backward(
        b, q,
        {.keys = other, .target = target, .temperature = temperature, .lse = lse, .scale = 1, .dq = dq, .dkeys = db});
    gather_rows_backward(b, dq, {.index = target, .dx = da});
  }
  result.check("loss", to_host(b, loss));
  result.check("grad/a", to_host(b, da));
  result.check("grad/b", to_host(b, db));
}

/// [batch, classes, clips] -> rows [batch * clips, classes], or back.
std::vector<double> swap_last_axes(std::vector<double> const& x, index_t batch, index_t rows, index_t columns) {
  std::vector<double> y(x.size());
  for (index_t i = 0; i < batch; ++i)
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < columns; ++c)
        y[static_cast<std::size_t>((i * columns + c) * rows + r)] =
            x[static_cast<std::size_t>((i * rows + r) * columns + c)];
  return y;
}

template <floating T, backend B>
void verify_cross_entropy(B const& b, golden_case const& golden, comparison& result) {
  auto const extents = golden.filled_shape("x");
  index_t const batch = extents[0], classes = extents[1], clips = extents.size() == 3 ? extents[2] : 1;
  index_t const n = batch * clips;
  auto const x = to_device<T>(b, shape{n, classes}, swap_last_axes(golden.filled("x"), batch, classes, clips));
  std::vector<std::int32_t> row_labels;
  for (std::int32_t const label : golden.stored<std::int32_t>("labels"))
    row_labels.insert(row_labels.end(), static_cast<std::size_t>(clips), label);
  auto const labels = to_device(b, row_labels);
  tensor<stat_t<T>, 1, B> loss(b, shape{1}), lse(b, shape{n});
  tensor<T, 2, B> dlogits(b, shape{n, classes});
  cross_entropy_forward(b, x, {.labels = labels, .loss = loss, .lse = lse});
  cross_entropy_backward(b, x, {.labels = labels, .lse = lse, .scale = 1, .dlogits = dlogits});
  result.check("loss", to_host(b, loss));
  result.check("grad/x", swap_last_axes(to_host(b, dlogits), batch, clips, classes));
}

template <floating T, backend B>
void verify_adamw(B const& b, golden_case const& golden, comparison& result) {
  auto const& config = golden.config();
  auto const p = golden.filled("p");
  shape<1> const s{static_cast<index_t>(p.size())};
  auto param = to_device<acc_t<T>>(b, s, p);
  auto m = zeros<acc_t<T>>(b, s), v = zeros<acc_t<T>>(b, s);
  auto const lr = golden.stored<double>("lr");
  std::vector<double> after, first, second;
  auto const append = [&](std::vector<double>& all, auto const& x) {
    auto const values = to_host(b, x);
    all.insert(all.end(), values.begin(), values.end());
  };
  for (std::size_t k = 0; k < lr.size(); ++k) {
    auto const g = to_device<acc_t<T>>(b, s, golden.filled("g" + std::to_string(k)));
    adamw_step(b, g,
               {.param = param,
                .m = m,
                .v = v,
                .lr = lr[k],
                .beta1 = config.at("betas").at(0).get<double>(),
                .beta2 = config.at("betas").at(1).get<double>(),
                .eps = config.at("eps").get<double>(),
                .weight_decay = config.at("weight_decay").get<double>(),
                .step = static_cast<std::int64_t>(k + 1)});
    append(after, param);
    append(first, m);
    append(second, v);
  }
  result.check("p_after", after);
  result.check("exp_avg", first);
  result.check("exp_avg_sq", second);
}

}  // namespace

template <class T, class B>
void verify_layer(B const& b, golden_case const& golden, comparison& result) {
  using matrix = tensor<T, 2, B>;
  std::string const op = golden.config().at("op");
  if (op == "linear") return verify_linear<T>(b, golden, result);
  if (op == "layer_norm") return verify_layer_norm<T>(b, golden, result);
  if (op == "info_nce") return verify_info_nce<T>(b, golden, result);
  if (op == "cross_entropy") return verify_cross_entropy<T>(b, golden, result);
  if (op == "adamw") return verify_adamw<T>(b, golden, result);
  if (op == "gelu")
    return verify_elementwise<T>(
        b, golden, result, [&](matrix& x, matrix& y) { gelu_forward(b, x, {.y = y}); },
        [&](matrix& x, matrix&, matrix& dy, matrix& dx) { gelu_backward(b, x, {.dy = dy, .dx = dx}); });
  if (op == "relu")
    return verify_elementwise<T>(
        b, golden, result, [&](matrix& x, matrix& y) { relu_forward(b, x, {.y = y}); },
        [&](matrix& x, matrix&, matrix& dy, matrix& dx) { relu_backward(b, x, {.dy = dy, .dx = dx}); });
  if (op == "softmax")
    return verify_elementwise<T>(
        b, golden, result, [&](matrix& x, matrix& y) { softmax_forward(b, x, {.y = y}); },
        [&](matrix&, matrix& y, matrix& dy, matrix& dx) { softmax_backward(b, y, {.dy = dy, .dx = dx}); });
  if (op == "l2_normalize") {
    double const eps = golden.config().at("eps").get<double>();
    tensor<stat_t<T>, 1, B> norm;
    return verify_elementwise<T>(
        b, golden, result,
        [&](matrix& x, matrix& y) {
          norm = tensor<stat_t<T>, 1, B>(b, shape{x.extent(0)});
          l2_normalize_forward(b, x, {.y = y, .norm = norm, .eps = eps});
        },
        [&](matrix&, matrix& y, matrix& dy, matrix& dx) {
          l2_normalize_backward(b, y, {.dy = dy, .norm = norm, .dx = dx, .eps = eps});
        });
  }
  if (op == "attention" || op == "mlp" || op == "transformer_block") return verify_block_layer<T>(b, golden, result);
  verify_convolution_layer<T>(b, golden, result);
}

#define SCALE_INSTANTIATE(T, B) template void verify_layer<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE

}  // namespace scale::program
