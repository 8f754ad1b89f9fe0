// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/frozen_convolution.hpp>
#include <scale/ref/frozen_convolution.hpp>

#include <support/compare.hpp>
#include <support/layout.hpp>
#include <support/tolerance.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace {

using scale::activation;
using scale::index_t;
using scale::shape;
using testing::layout;
using testing::test_backend;

enum class residual { none, apart, in_y };

/// Weights and geometry; what x is, differs from call to call.
struct layer {
  shape<5> weight;
  index_t stride[3], pad[3];
  index_t groups;
  activation act;

  index_t channels() const { return weight[1] * groups; }
  shape<5> y(shape<5> const& x) const {
    shape<5> out = x;
    out[1] = weight[0];
    for (int i = 0; i < 3; ++i) out[i + 2] = (x[i + 2] + 2 * pad[i] - weight[i + 2]) / stride[i] + 1;
    return out;
  }
};

layer const layers[] = {
    {{17, 5, 1, 3, 3}, {1, 2, 2}, {0, 1, 1}, 1, activation::relu},
    {{33, 19, 3, 1, 1}, {1, 1, 1}, {1, 0, 0}, 1, activation::none},
    {{40, 3, 1, 7, 7}, {1, 2, 2}, {0, 3, 3}, 1, activation::relu6},
    {{18, 1, 3, 3, 3}, {2, 1, 1}, {1, 1, 1}, 18, activation::relu},
    {{64, 21, 1, 1, 1}, {1, 1, 1}, {0, 0, 0}, 1, activation::none},
};

template <class T, class B>
auto freeze(B const& b, layer const& l) {
  auto weight = testing::make_tensor<5>(b, l.weight, testing::random_values<T>(l.weight.size(), 1));
  auto bias = testing::make_vector(b, testing::random_values<T>(l.weight[0], 2));
  auto frozen = scale::freeze_convolution(b, weight,
                                          {.bias = bias,
                                           .stride = {l.stride[0], l.stride[1], l.stride[2]},
                                           .pad_begin = {l.pad[0], l.pad[1], l.pad[2]},
                                           .pad_end = {l.pad[0], l.pad[1], l.pad[2]},
                                           .groups = l.groups,
                                           .act = l.act});
  // Neither is looked at again
  scale::upload(b, std::vector<T>(static_cast<std::size_t>(weight.size()), T(7)), weight);
  scale::upload(b, std::vector<T>(static_cast<std::size_t>(bias.size()), T(7)), bias);
  return frozen;
}

/// The same numbers of T by convolution_forward on ref, which is not rounded to T.
template <class T>
std::vector<double> expected(layer const& l, shape<5> const& x_shape, layout how, residual kind) {
  using B = scale::ref::context;
  B const b;
  auto const numbers = [](index_t n, std::uint32_t which) {
    return testing::converted<double>(testing::random_values<T>(n, which));
  };
  auto const weight = testing::make_tensor<5>(b, l.weight, numbers(l.weight.size(), 1));
  auto const bias = testing::make_vector(b, numbers(l.weight[0], 2));
  testing::laid_out<double, 5, B> x(b, x_shape, how, numbers(x_shape.size(), 3));
  testing::laid_out<double, 5, B> other(b, l.y(x_shape), how, numbers(l.y(x_shape).size(), 4));
  testing::laid_out<double, 5, B> y(b, l.y(x_shape), how);
  scale::convolution_forward(b, x.view(),
                             {.weight = weight,
                              .bias = bias,
                              .y = y,
                              .stride = {l.stride[0], l.stride[1], l.stride[2]},
                              .pad_begin = {l.pad[0], l.pad[1], l.pad[2]},
                              .pad_end = {l.pad[0], l.pad[1], l.pad[2]},
                              .groups = l.groups,
                              .act = l.act,
                              .residual = kind == residual::none ? scale::tensor_view<double const, 5, B>{} : other});
  return y.values(b);
}

template <class T, class B, class Frozen>
std::vector<T> got(B const& b, Frozen& frozen, layer const& l, shape<5> const& x_shape, layout how, residual kind) {
  testing::laid_out<T, 5, B> x(b, x_shape, how, testing::random_values<T>(x_shape.size(), 3));
  auto const added = testing::random_values<T>(l.y(x_shape).size(), 4);
  testing::laid_out<T, 5, B> other(b, l.y(x_shape), how, added), y(b, l.y(x_shape), how);
  if (kind == residual::in_y) y = testing::laid_out<T, 5, B>(b, l.y(x_shape), how, added);
  scale::frozen_convolution_forward_args<T, 5, B> a{.y = y};
  if (kind == residual::apart) a.residual = other;
  if (kind == residual::in_y) a.residual = y;
  scale::frozen_convolution_forward(b, x.view(), frozen, a);
  return y.values(b);
}

/// An object that makes rank 4 of a layer without time.
template <class T, class B>
std::vector<T> on_images(B const& b, std::vector<T> const& x, std::vector<T> const& w) {
  auto const weight = testing::make_tensor<4>(b, shape<4>{5, 4, 3, 3}, w);
  auto frozen = scale::freeze_convolution(b, weight, {.stride = {1, 1}, .pad_begin = {0, 1}, .pad_end = {1, 0}});
  auto const in = testing::make_tensor<4>(b, shape<4>{2, 4, 6, 5}, x);
  scale::tensor<T, 4, B> y(b, shape<4>{2, 5, 5, 4});
  scale::frozen_convolution_forward(b, in, frozen, {.y = y});
  return testing::values_of(b, y);
}

}  // namespace

TEST_CASE_TEMPLATE("frozen_convolution: one object, shapes, layouts and residuals of many calls", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (layer const& l : layers) {
    auto frozen = freeze<T>(b, l);
    index_t const sizes[][4] = {{1, 3, 8, 9}, {2, 3, 8, 9}, {2, 1, 15, 4}, {1, 3, 8, 9}, {0, 3, 8, 9}, {1, 5, 1, 1}};
    for (auto const& s : sizes)
      for (layout const how : testing::all_layouts)
        for (residual const kind : {residual::none, residual::apart, residual::in_y, residual::none}) {
          shape<5> const x{s[0], l.channels(), s[1], s[2], s[3]};
          INFO("weights ", scale::to_string(l.weight), ", x ", scale::to_string(x), ", layout ", static_cast<int>(how),
               ", residual ", static_cast<int>(kind));
          auto const y = got<T>(b, frozen, l, x, how, kind);
          testing::check_close("y", y, expected<T>(l, x, how, kind),
                               testing::tolerance<T>(l.weight.size() / l.weight[0]));
        }
  }
}

TEST_CASE_TEMPLATE("frozen_convolution: an object may be moved, and forgets the last shapes never wrongly", T,
                   SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  layer const& l = layers[0];
  shape<5> const x{1, l.channels(), 2, 9, 8};
  auto first = freeze<T>(b, l);
  auto const y = got<T>(b, first, l, x, layout::channels_last, residual::none);
  auto second = std::move(first);
  testing::check_same_bits("moved", got<T>(b, second, l, x, layout::channels_last, residual::none), y);
  first = freeze<T>(b, layers[1]);
  shape<5> const other{1, layers[1].channels(), 2, 9, 8};
  testing::check_close("assigned", got<T>(b, first, layers[1], other, layout::row_major, residual::none),
                       expected<T>(layers[1], other, layout::row_major, residual::none), testing::tolerance<T>(57));
}

TEST_CASE_TEMPLATE("frozen_convolution: images, padding of one side, no bias", T, SCALE_TEST_TYPES) {
  auto const x = testing::random_values<T>(2 * 4 * 6 * 5, 5), w = testing::random_values<T>(5 * 4 * 9, 6);
  auto const wide_x = testing::converted<double>(x), wide_w = testing::converted<double>(w);
  testing::check_close("y", on_images(testing::make_backend(), x, w), on_images(scale::ref::context(), wide_x, wide_w),
                       testing::tolerance<T>(36));
}

TEST_CASE("frozen_convolution: what the contract forbids") {
  using T = std::tuple_element_t<0, testing::test_types>;
  test_backend const b = testing::make_backend();
  auto const weight = testing::make_tensor<5>(b, shape<5>{4, 2, 1, 3, 3}, std::vector<T>(72, T(1)));
  auto const bias = testing::make_vector(b, std::vector<T>(3, T(1)));
  scale::freeze_convolution_args<T, 5, test_backend> const good{
      .stride = {1, 1, 1}, .pad_begin = {0, 1, 1}, .pad_end = {0, 1, 1}};
  auto const refused = [&](auto const& change, std::vector<std::string> const& parts) {
    auto bad = good;
    change(bad);
    testing::check_argument_error([&] { (void)scale::freeze_convolution(b, weight, bad); }, parts);
  };
  refused([&](auto& a) { a.bias = bias; }, {"freeze_convolution", "bias", "[4]", "[3]"});
  refused([](auto& a) { a.stride[2] = 0; }, {"stride of spatial axis 2", "at least 1", "0"});
  refused([](auto& a) { a.pad_end[1] = -1; }, {"pad_end of spatial axis 1", "-1"});
  refused([](auto& a) { a.groups = 3; }, {"groups", "divisor"});
  refused([](auto& a) { a.groups = 0; }, {"groups", "at least 1", "0"});
  refused([](auto& a) { a.act = activation::gelu; }, {"gelu"});

  auto frozen = scale::freeze_convolution(b, weight, good);
  scale::tensor<T, 5, test_backend> x(b, shape<5>{1, 2, 2, 4, 5}), y(b, shape<5>{1, 4, 2, 4, 5});
  scale::tensor<T, 5, test_backend> three(b, shape<5>{1, 3, 2, 4, 5}), wide(b, shape<5>{1, 4, 2, 4, 6});
  testing::check_argument_error([&] { scale::frozen_convolution_forward(b, three, frozen, {.y = y}); },
                                {"x.extent(1)", "2", "3"});
  testing::check_argument_error([&] { scale::frozen_convolution_forward(b, x, frozen, {.y = wide}); },
                                {"y shape", "[1, 4, 2, 4, 5]", "[1, 4, 2, 4, 6]"});
  testing::check_argument_error([&] { scale::frozen_convolution_forward(b, x, frozen, {.y = y, .residual = wide}); },
                                {"residual shape"});
  testing::check_argument_error([&] { scale::frozen_convolution_forward(b, x, frozen, {.y = {}}); }, {"y"});
}
