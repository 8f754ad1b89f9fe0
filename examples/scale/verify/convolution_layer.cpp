// SPDX-License-Identifier: Apache-2.0
// Golden kind layer: operators on videos.
#include <scale/ops.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"

namespace scale::program {

namespace {

template <floating T, backend B>
struct video_layer {
  video_layer(B const& b, golden_case const& golden)
      : x(to_device<T>(b, to_shape<5>(golden.filled_shape("x")), golden.filled("x"))), dx(b, x.extents()) {}

  tensor<T, 5, B> x, dx;
};

template <floating T, backend B>
void verify_convolution(B const& b, golden_case const& golden, comparison& result) {
  video_layer<T, B> in(b, golden);
  auto const stride = golden.config().at("stride").get<std::vector<index_t>>();
  auto const pad = golden.config().at("padding").get<std::vector<index_t>>();
  index_t const groups = golden.config().at("groups").get<index_t>();
  shape<5> const weight_shape = to_shape<5>(golden.parameter_shape("weight"));
  auto const weight = to_device<T>(b, weight_shape, golden.parameter("weight"));
  bool const biased = golden.has_parameter("bias");
  tensor<T, 1, B> bias;
  if (biased) bias = to_device<T>(b, shape{weight_shape[0]}, golden.parameter("bias"));
  auto const dy = to_device<T>(b, to_shape<5>(golden.filled_shape("dy")), golden.filled("dy"));
  tensor<T, 5, B> y(b, dy.extents());
  auto dweight = zeros<acc_t<T>>(b, weight_shape);
  auto dbias = zeros<acc_t<T>>(b, shape{weight_shape[0]});
  convolution_forward(b, in.x,
                      {.weight = weight,
                       .bias = bias,
                       .y = y,
                       .stride = {stride[0], stride[1], stride[2]},
                       .pad_begin = {pad[0], pad[1], pad[2]},
                       .pad_end = {pad[0], pad[1], pad[2]},
                       .groups = groups});
  convolution_backward(b, in.x,
                       {.dy = dy,
                        .weight = weight,
                        .dx = in.dx,
                        .dweight = dweight,
                        .dbias = dbias,
                        .stride = {stride[0], stride[1], stride[2]},
                        .pad_begin = {pad[0], pad[1], pad[2]},
                        .pad_end = {pad[0], pad[1], pad[2]},
                        .groups = groups});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, in.dx));
  result.check("grad/weight", to_host(b, dweight));
  if (biased) result.check("grad/bias", to_host(b, dbias));
}

template <floating T, backend B>
void verify_batch_norm(B const& b, golden_case const& golden, comparison& result) {
  video_layer<T, B> in(b, golden);
  shape<5> const e = in.x.extents();
  shape<3> const flat{e[0], e[1], e[2] * e[3] * e[4]};
  shape<1> const c{e[1]};
  auto const gamma = to_device<T>(b, c, golden.parameter("weight"));
  auto const beta = to_device<T>(b, c, golden.parameter("bias"));
  auto running_mean = to_device<stat_t<T>>(b, c, golden.parameter("running_mean"));
  auto running_var = to_device<stat_t<T>>(b, c, golden.parameter("running_var"));
  auto const dy = to_device<T>(b, e, golden.filled("dy"));
  tensor<T, 5, B> y(b, e);
  tensor<stat_t<T>, 1, B> mean(b, c), rstd(b, c);
  auto dgamma = zeros<acc_t<T>>(b, c), dbeta = zeros<acc_t<T>>(b, c);
  auto const x3 = in.x.view().reshape(flat);
  batch_norm_forward(b, x3,
                     {.gamma = gamma,
                      .beta = beta,
                      .running_mean = running_mean,
                      .running_var = running_var,
                      .mean = mean,
                      .rstd = rstd,
                      .y = y.view().reshape(flat),
                      .mode = batch_norm_mode::inference,
                      .eps = golden.config().at("eps").get<double>()});
  batch_norm_backward(b, x3,
                      {.dy = dy.view().reshape(flat),
                       .gamma = gamma,
                       .mean = mean,
                       .rstd = rstd,
                       .dx = in.dx.view().reshape(flat),
                       .dgamma = dgamma,
                       .dbeta = dbeta,
                       .mode = batch_norm_mode::inference});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, in.dx));
  result.check("grad/weight", to_host(b, dgamma));
  result.check("grad/bias", to_host(b, dbeta));
}

template <floating T, backend B>
void verify_max_pool(B const& b, golden_case const& golden, comparison& result) {
  video_layer<T, B> in(b, golden);
  auto const axes = [&](char const* key) { return golden.config().at(key).get<std::vector<index_t>>(); };
  auto const kernel = axes("kernel"), stride = axes("stride"), pad = axes("padding");
  auto const dy = to_device<T>(b, to_shape<5>(golden.filled_shape("dy")), golden.filled("dy"));
  tensor<T, 5, B> y(b, dy.extents());
  tensor<std::int32_t, 5, B> argmax(b, dy.extents());
  max_pool_forward(b, in.x,
                   {.y = y,
                    .argmax = argmax,
                    .kernel = {kernel[0], kernel[1], kernel[2]},
                    .stride = {stride[0], stride[1], stride[2]},
                    .pad = {pad[0], pad[1], pad[2]}});
  max_pool_backward(b, dy, {.argmax = argmax, .dx = in.dx});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, in.dx));
}

template <floating T, backend B>
void verify_mean_pool(B const& b, golden_case const& golden, comparison& result) {
  video_layer<T, B> in(b, golden);
  auto const dy = to_device<T>(b, to_shape<2>(golden.filled_shape("dy")), golden.filled("dy"));
  tensor<T, 2, B> y(b, dy.extents());
  mean_pool_forward(b, in.x, {.y = y});
  mean_pool_backward(b, dy, {.dx = in.dx});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, in.dx));
}

template <floating T, backend B>
void verify_trilinear_resize(B const& b, golden_case const& golden, comparison& result) {
  video_layer<T, B> in(b, golden);
  auto const dy = to_device<T>(b, to_shape<5>(golden.filled_shape("dy")), golden.filled("dy"));
  tensor<T, 5, B> y(b, dy.extents());
  trilinear_resize_forward(b, in.x, {.y = y});
  trilinear_resize_backward(b, dy, {.dx = in.dx});
  result.check("y", to_host(b, y));
  result.check("grad/x", to_host(b, in.dx));
}

}  // namespace

template <class T, class B>
void verify_convolution_layer(B const& b, golden_case const& golden, comparison& result) {
  std::string const op = golden.config().at("op");
  if (op == "conv3d") return verify_convolution<T>(b, golden, result);
  if (op == "batch_norm3d") return verify_batch_norm<T>(b, golden, result);
  if (op == "max_pool3d") return verify_max_pool<T>(b, golden, result);
  if (op == "avg_pool_global") return verify_mean_pool<T>(b, golden, result);
  if (op == "trilinear_resize") return verify_trilinear_resize<T>(b, golden, result);
  throw input_error(golden.file().path().string() + ": unknown operation '" + op + "' of kind layer");
}

#define SCALE_INSTANTIATE(T, B) template void verify_convolution_layer<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE

}  // namespace scale::program
