// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/convolution.hpp>
#include <scale/ref/convolution.hpp>

#include <support/finite_difference.hpp>
#include <support/layout.hpp>

#include <algorithm>

namespace {

using scale::activation;
using scale::index_t;
using scale::shape;
using testing::layout;
using testing::test_backend;

enum class residual { none, apart, in_y };

/// Geometry of a convolution of clips; of images where Rank is 4 and t is left out.
struct convolution_case {
  shape<5> x;
  index_t outputs;
  index_t kernel[3], stride[3], begin[3], end[3];
  index_t groups = 1;

  shape<5> weight() const { return {outputs, x[1] / groups, kernel[0], kernel[1], kernel[2]}; }
  shape<5> y() const {
    shape<5> s{x[0], outputs, 0, 0, 0};
    for (int i = 0; i < 3; ++i) s[i + 2] = (x[i + 2] + begin[i] + end[i] - kernel[i]) / stride[i] + 1;
    return s;
  }
};

template <int Rank>
shape<Rank> cut(shape<5> const& s) {
  if constexpr (Rank == 5)
    return s;
  else
    return {s[0], s[1], s[3], s[4]};
}

template <class T, int Rank, class B>
struct convolution_run {
  std::vector<T> y, dx;
  std::vector<scale::acc_t<T>> dweight, dbias;  // added to 2 and to 3

  convolution_run(B const& b, convolution_case const& a, layout l, std::vector<T> const& x, std::vector<T> const& w,
                  std::vector<T> const& bias, std::vector<T> const& added, std::vector<T> const& dy, activation act,
                  residual kind) {
    using acc = scale::acc_t<T>;
    testing::laid_out<T, Rank, B> in(b, cut<Rank>(a.x), l, x), out(b, cut<Rank>(a.y()), l), dx_(b, cut<Rank>(a.x), l);
    testing::laid_out<T, Rank, B> other(b, cut<Rank>(a.y()), l, added), dy_(b, cut<Rank>(a.y()), l, dy);
    if (kind == residual::in_y) out = testing::laid_out<T, Rank, B>(b, cut<Rank>(a.y()), l, added);
    auto const weight = testing::make_tensor<Rank>(b, cut<Rank>(a.weight()), w);
    auto const bias_ = testing::make_vector(b, bias);
    scale::convolution_forward_args<T, Rank, B> forward{
        .weight = weight, .y = out, .stride = {}, .pad_begin = {}, .pad_end = {}, .groups = a.groups, .act = act};
    auto dweight_ = testing::make_tensor<Rank>(b, cut<Rank>(a.weight()), std::vector<acc>(w.size(), acc(2)));
    auto dbias_ = testing::make_vector(b, std::vector<acc>(static_cast<std::size_t>(a.outputs), acc(3)));
    scale::convolution_backward_args<T, Rank, B> backward{.dy = dy_,
                                                          .weight = weight,
                                                          .dx = dx_,
                                                          .dweight = dweight_,
                                                          .dbias = dbias_,
                                                          .stride = {},
                                                          .pad_begin = {},
                                                          .pad_end = {},
                                                          .groups = a.groups};
    for (int i = 0; i < Rank - 2; ++i) {
      forward.stride[i] = backward.stride[i] = a.stride[i + 5 - Rank];
      forward.pad_begin[i] = backward.pad_begin[i] = a.begin[i + 5 - Rank];
      forward.pad_end[i] = backward.pad_end[i] = a.end[i + 5 - Rank];
    }
    if (!bias.empty()) forward.bias = bias_;
    if (kind == residual::apart) forward.residual = other;
    if (kind == residual::in_y) forward.residual = out;
    scale::convolution_forward(b, in.view(), forward);
    scale::convolution_backward(b, in.view(), backward);
    y = out.values(b), dx = dx_.values(b);
    dweight = testing::values_of(b, dweight_), dbias = testing::values_of(b, dbias_);

    // The same one by one, and what is not given is not needed
    backward.dx = {}, backward.dbias = {};
    scale::convolution_backward(b, in.view(), backward);
    backward.dweight = {}, backward.dbias = dbias_;
    scale::convolution_backward(b, in.view(), backward);
    auto const twice = testing::values_of(b, dbias_);
    std::vector<acc> expected;
    for (acc const v : dbias) expected.push_back(2 * v - 3);
    testing::check_close("dbias, twice", twice, expected, testing::tolerance<T>(dy.empty() ? 1 : a.y().size()));
  }
};

/// Output by output, every tap asked whether it is inside.
std::vector<double> formula(convolution_case const& a, std::vector<double> const& x, std::vector<double> const& w,
                            std::vector<double> const& bias, std::vector<double> const& added, activation act) {
  shape<5> const in = a.x, out = a.y(), kernel = a.weight();
  std::vector<double> y;
  for (index_t flat = 0; flat < out.size(); ++flat) {
    index_t const column = flat % out[4], row = flat / out[4] % out[3], frame = flat / (out[4] * out[3]) % out[2];
    index_t const o = flat / (out[4] * out[3] * out[2]) % out[1], n = flat / (out[4] * out[3] * out[2] * out[1]);
    double sum = bias.empty() ? 0 : bias[static_cast<std::size_t>(o)];
    for (index_t tap = 0; tap < kernel[1] * kernel[2] * kernel[3] * kernel[4]; ++tap) {
      index_t const t = frame * a.stride[0] - a.begin[0] + tap / (kernel[4] * kernel[3]) % kernel[2];
      index_t const h = row * a.stride[1] - a.begin[1] + tap / kernel[4] % kernel[3];
      index_t const v = column * a.stride[2] - a.begin[2] + tap % kernel[4];
      if (t < 0 || t >= in[2] || h < 0 || h >= in[3] || v < 0 || v >= in[4]) continue;
      index_t const c = o / (a.outputs / a.groups) * kernel[1] + tap / (kernel[4] * kernel[3] * kernel[2]);
      sum += w[static_cast<std::size_t>(o * kernel[1] * kernel[2] * kernel[3] * kernel[4] + tap)] *
             x[static_cast<std::size_t>((((n * in[1] + c) * in[2] + t) * in[3] + h) * in[4] + v)];
    }
    if (!added.empty()) sum += added[static_cast<std::size_t>(flat)];
    if (act != activation::none) sum = std::max(sum, 0.0);
    if (act == activation::relu6) sum = std::min(sum, 6.0);
    y.push_back(sum);
  }
  return y;
}

convolution_case const spatial_stride{{2, 4, 1, 7, 6}, 6, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}};
convolution_case const asymmetric{{1, 3, 1, 8, 9}, 5, {1, 3, 2}, {1, 2, 2}, {0, 0, 1}, {0, 1, 0}};
convolution_case const depthwise{{2, 6, 1, 7, 5}, 6, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, 6};
convolution_case const depthwise_stride{{1, 33, 1, 8, 7}, 33, {1, 3, 3}, {1, 2, 2}, {0, 0, 0}, {0, 1, 1}, 33};
convolution_case const pointwise{{2, 7, 1, 3, 5}, 3, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}};
convolution_case const one_place{{3, 37, 1, 1, 1}, 19, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}};
convolution_case const one_channel{{2, 1, 1, 5, 4}, 1, {1, 2, 3}, {1, 1, 1}, {0, 1, 0}, {0, 0, 2}};
convolution_case const full{{1, 3, 4, 5, 6}, 5, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
convolution_case const temporal{{2, 5, 5, 3, 4}, 4, {3, 1, 1}, {1, 1, 1}, {1, 0, 0}, {1, 0, 0}};
convolution_case const grouped{{2, 6, 3, 4, 5}, 4, {2, 3, 1}, {2, 1, 2}, {1, 0, 0}, {0, 1, 0}, 2};
convolution_case const tubelet{{2, 3, 4, 8, 12}, 6, {2, 4, 4}, {2, 4, 4}, {0, 0, 0}, {0, 0, 0}};
convolution_case const wide{{1, 40, 2, 9, 11}, 48, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}};
convolution_case const no_clips{{0, 3, 2, 4, 4}, 6, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}};

TEST_CASE("ref: convolution agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  for (convolution_case const& a : {asymmetric, grouped, temporal}) {
    auto const x = testing::random_values(a.x.size(), 1), w = testing::random_values(a.weight().size(), 2);
    auto const bias = testing::random_values(a.outputs, 3), added = testing::random_values(a.y().size(), 4);
    auto const dy = testing::random_values(a.y().size(), 5);
    for (activation const act : {activation::none, activation::relu, activation::relu6}) {
      convolution_run<double, 5, scale::ref::context> const run(b, a, layout::row_major, x, w, bias, added, dy, act,
                                                                residual::apart);
      testing::check_close("y", run.y, formula(a, x, w, bias, added, act), 1e-13);
    }
    convolution_run<double, 5, scale::ref::context> run(b, a, layout::channels_last, x, w, bias, {}, dy,
                                                        activation::none, residual::none);
    for (double& v : run.dweight) v -= 2;
    for (double& v : run.dbias) v -= 3;
    auto const loss = [&](auto const&... at) { return testing::dot(formula(a, at..., {}, activation::none), dy); };
    testing::check_gradient(
        "dx", [&](auto const& at) { return loss(at, w, bias); }, x, run.dx);
    testing::check_gradient(
        "dweight", [&](auto const& at) { return loss(x, at, bias); }, w, run.dweight);
    testing::check_gradient(
        "dbias", [&](auto const& at) { return loss(x, w, at); }, bias, run.dbias);
  }
}

template <class T, int Rank>
void check_against_ref(convolution_case const& a) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  auto const x = testing::random_values<T>(a.x.size(), 1), w = testing::random_values<T>(a.weight().size(), 2);
  auto const bias = testing::random_values<T>(a.outputs, 3), added = testing::random_values<T>(a.y().size(), 4, -2, 8);
  auto const dy = testing::random_values<T>(a.y().size(), 5);
  auto const to = [](std::vector<T> const& v) { return testing::converted<double>(v); };
  index_t const taps = a.outputs == 0 ? 1 : a.weight().size() / a.outputs;
  for (layout const l : testing::all_layouts)
    for (residual const kind : {residual::none, residual::apart, residual::in_y})
      for (activation const act : {activation::none, activation::relu, activation::relu6}) {
        CAPTURE(static_cast<int>(l));
        CAPTURE(static_cast<int>(kind));
        CAPTURE(static_cast<int>(act));
        std::vector<T> const some_bias = act == activation::relu ? std::vector<T>() : bias;
        convolution_run<double, Rank, scale::ref::context> const expected(oracle, a, layout::row_major, to(x), to(w),
                                                                          to(some_bias), to(added), to(dy), act, kind);
        convolution_run<T, Rank, test_backend> const got(b, a, l, x, w, some_bias, added, dy, act, kind);
        testing::check_close("y", got.y, expected.y, testing::tolerance<T>(taps));
        testing::check_close("dx", got.dx, expected.dx, testing::tolerance<T>(taps * a.outputs / a.x[1]));
        testing::check_close("dweight", got.dweight, expected.dweight,
                             testing::tolerance<T>(a.y().size() / std::max(a.outputs, index_t{1})));
        testing::check_close("dbias", got.dbias, expected.dbias,
                             testing::tolerance<T>(a.y().size() / std::max(a.outputs, index_t{1})));
      }
}

TEST_CASE_TEMPLATE("convolution of images agrees with ref in every layout", T, SCALE_TEST_TYPES) {
  for (convolution_case const& a :
       {spatial_stride, asymmetric, depthwise, depthwise_stride, pointwise, one_place, one_channel})
    check_against_ref<T, 4>(a);
}

TEST_CASE_TEMPLATE("convolution of clips agrees with ref in every layout", T, SCALE_TEST_TYPES) {
  for (convolution_case const& a : {spatial_stride, full, temporal, grouped, tubelet, wide, no_clips, one_place})
    check_against_ref<T, 5>(a);
}

TEST_CASE_TEMPLATE("convolution takes a residual of another layout than y", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  shape const s{1, 3, 4, 5};
  auto const x = testing::random_values<T>(60, 1), added = testing::random_values<T>(60, 2);
  testing::laid_out<T, 4, test_backend> in(b, s, layout::channels_last, x), out(b, s, layout::channels_last);
  testing::laid_out<T, 4, test_backend> other(b, s, layout::row_major, added);
  auto const weight = testing::make_tensor<4>(b, shape{3, 1, 1, 1}, std::vector<T>{T(1), T(2), T(4)});
  scale::convolution_forward(b, in.view(),
                             {.weight = weight,
                              .y = out,
                              .stride = {1, 1},
                              .pad_begin = {0, 0},
                              .pad_end = {0, 0},
                              .groups = 3,
                              .residual = other});
  std::vector<double> expected;
  for (std::size_t i = 0; i < 60; ++i)
    expected.push_back(static_cast<double>(x[i]) * (i < 20 ? 1 : i < 40 ? 2 : 4) + static_cast<double>(added[i]));
  testing::check_close("y", out.values(b), expected, testing::tolerance<T>());
}

TEST_CASE("convolution refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 4, test_backend> x(b, shape{1, 4, 5, 5}), y(b, shape{1, 6, 5, 5}), w(b, shape{6, 2, 3, 3});
  auto const forward = [&](index_t groups, index_t stride, index_t pad, activation act = activation::none) {
    scale::convolution_forward(b, x,
                               {.weight = w,
                                .y = y,
                                .stride = {stride, stride},
                                .pad_begin = {pad, pad},
                                .pad_end = {1, 1},
                                .groups = groups,
                                .act = act});
  };
  testing::check_argument_error([&] { forward(3, 1, 1); }, {"convolution_forward", "groups", "got 3"});
  testing::check_argument_error([&] { forward(1, 1, 1); }, {"weight", "[6, 4, 3, 3]", "[6, 2, 3, 3]"});
  testing::check_argument_error([&] { forward(2, 0, 1); }, {"stride of spatial axis 0", "at least 1"});
  testing::check_argument_error([&] { forward(2, 1, -1); }, {"pad_begin", "at least 0"});
  testing::check_argument_error([&] { forward(2, 1, 0); }, {"y shape", "[1, 6, 4, 4]", "[1, 6, 5, 5]"});
  testing::check_argument_error([&] { forward(2, 1, 1, activation::gelu); }, {"act", "gelu"});
  scale::tensor_view<float, 4, test_backend> const overlapping(y.data_handle(), shape{1, 6, 5, 5},
                                                               shape{150, 25, 4, 1});
  testing::check_argument_error(
      [&] {
        scale::convolution_forward(
            b, x,
            {.weight = w, .y = overlapping, .stride = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .groups = 2});
      },
      {"y layout", "without overlap"});
  testing::check_argument_error(
      [&] {
        scale::convolution_backward(
            b, x, {.dy = x, .weight = w, .stride = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}, .groups = 2});
      },
      {"convolution_backward", "dy shape"});
}

}  // namespace
