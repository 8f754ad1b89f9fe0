// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/max_pool.hpp>
#include <scale/ref/max_pool.hpp>

#include <support/finite_difference.hpp>
#include <support/layout.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace {

using scale::index_t;
using scale::shape;
using testing::layout;
using testing::test_backend;

struct pool_case {
  shape<5> x;
  index_t kernel[3], stride[3], pad[3];

  shape<5> y() const {
    shape<5> s = x;
    for (int i = 0; i < 3; ++i) s[i + 2] = (x[i + 2] + 2 * pad[i] - kernel[i]) / stride[i] + 1;
    return s;
  }
};

template <class T, class B>
struct pool_run {
  std::vector<T> y, dx;
  std::vector<std::int32_t> argmax;

  pool_run(B const& b, pool_case const& a, layout l, std::vector<T> const& x, std::vector<T> const& dy) {
    testing::laid_out<T, 5, B> in(b, a.x, l, x), out(b, a.y(), l), bare(b, a.y(), l), dx_(b, a.x, l);
    testing::laid_out<T, 5, B> dy_(b, a.y(), l, dy);
    testing::laid_out<std::int32_t, 5, B> where(b, a.y(), l);
    scale::max_pool_forward_args<T, B> forward{.y = out, .argmax = where, .kernel = {}, .stride = {}, .pad = {}};
    for (int i = 0; i < 3; ++i)
      forward.kernel[i] = a.kernel[i], forward.stride[i] = a.stride[i], forward.pad[i] = a.pad[i];
    scale::max_pool_forward(b, in.view(), forward);
    forward.y = bare, forward.argmax = {};
    scale::max_pool_forward(b, in.view(), forward);
    scale::max_pool_backward(b, dy_.view(), {.argmax = where, .dx = dx_});
    y = out.values(b), argmax = where.values(b), dx = dx_.values(b);
    testing::check_same_bits("y without argmax", bare.values(b), y);
  }
};

pool_case const stem{{2, 3, 2, 9, 8}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}};
pool_case const whole{{1, 19, 3, 4, 5}, {3, 4, 5}, {1, 1, 1}, {0, 0, 0}};
pool_case const sparse{{1, 2, 5, 7, 33}, {2, 1, 4}, {3, 2, 5}, {1, 0, 3}};
pool_case const packs{{2, 16, 2, 5, 6}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}};
pool_case const single{{1, 1, 1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
pool_case const none{{0, 3, 2, 9, 8}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}};

TEST_CASE("ref: max_pool agrees with its formula and its gradient with differences") {
  scale::ref::context const b;
  for (pool_case const& a : {stem, sparse}) {
    // Values apart by more than the step of the differences: their order does not change
    std::vector<double> x = testing::random_values(a.x.size(), 1);
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return x[i] < x[j]; });
    for (std::size_t rank = 0; rank < order.size(); ++rank) x[order[rank]] = 0.01 * static_cast<double>(rank);
    auto const dy = testing::random_values(a.y().size(), 2);
    auto const formula = [&](std::vector<double> const& at) {
      std::vector<double> y;
      shape<5> const out = a.y();
      for (index_t flat = 0; flat < out.size(); ++flat) {
        index_t const w = flat % out[4], h = flat / out[4] % out[3], t = flat / (out[4] * out[3]) % out[2];
        index_t const channel = flat / (out[4] * out[3] * out[2]);
        double most = -INFINITY;
        for (index_t it = 0; it < a.x[2]; ++it)
          for (index_t ih = 0; ih < a.x[3]; ++ih)
            for (index_t iw = 0; iw < a.x[4]; ++iw) {
              index_t const tap[3] = {it - t * a.stride[0] + a.pad[0], ih - h * a.stride[1] + a.pad[1],
                                      iw - w * a.stride[2] + a.pad[2]};
              bool inside = true;
              for (int i = 0; i < 3; ++i) inside = inside && tap[i] >= 0 && tap[i] < a.kernel[i];
              if (inside)
                most =
                    std::max(most, at[static_cast<std::size_t>(((channel * a.x[2] + it) * a.x[3] + ih) * a.x[4] + iw)]);
            }
        y.push_back(most);
      }
      return y;
    };
    pool_run<double, scale::ref::context> const run(b, a, layout::row_major, x, dy);
    testing::check_close("y", run.y, formula(x), 0);
    testing::check_gradient(
        "dx", [&](auto const& at) { return testing::dot(formula(at), dy); }, x, run.dx);
  }
}

TEST_CASE_TEMPLATE("max_pool agrees with ref in every layout", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (pool_case const& a : {stem, whole, sparse, packs, single, none})
    for (layout const l : testing::all_layouts) {
      // few values: many ties, of which the first counts
      std::vector<T> x = testing::random_values<T>(a.x.size(), 1, -3, 3);
      for (T& value : x) value = T(std::trunc(scale::stat_t<T>(value)));
      auto const dy = testing::random_values<T>(a.y().size(), 2);
      pool_run<double, scale::ref::context> const expected(oracle, a, layout::row_major, testing::converted<double>(x),
                                                           testing::converted<double>(dy));
      pool_run<T, test_backend> const got(b, a, l, x, dy);
      testing::check_close("y", got.y, expected.y, 0);
      CHECK(got.argmax == expected.argmax);
      testing::check_close("dx", got.dx, expected.dx, testing::tolerance<T>(9));
    }
}

TEST_CASE_TEMPLATE("max_pool hands on NaN and minus infinity", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  using S = scale::stat_t<T>;
  S const inf = std::numeric_limits<S>::infinity(), nan = std::numeric_limits<S>::quiet_NaN();
  auto const of = [](std::vector<S> const& values) { return testing::converted<T>(values); };
  for (layout const l : testing::all_layouts) {
    pool_case const a{{1, 2, 1, 1, 6}, {1, 1, 2}, {1, 1, 2}, {0, 0, 0}};
    pool_run<T, test_backend> const run(b, a, l, of({1, nan, nan, nan, -inf, -inf, 5, 5, inf, 0, -inf, 1}),
                                        of({1, 1, 1, 1, 1, 1}));
    testing::check_close("y", run.y, std::vector<S>{nan, nan, -inf, 5, inf, 1}, 0);
    CHECK(run.argmax == std::vector<std::int32_t>{1, 2, 4, 0, 2, 5});
  }
}

TEST_CASE("max_pool refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 5, test_backend> x(b, shape{1, 2, 1, 5, 5}), y(b, shape{1, 2, 1, 3, 3});
  auto const forward = [&](index_t kernel, index_t stride, index_t pad) {
    scale::max_pool_forward(b, x, {.y = y, .kernel = {1, kernel, 3}, .stride = {1, stride, 2}, .pad = {0, pad, 1}});
  };
  testing::check_argument_error([&] { forward(0, 2, 0); }, {"max_pool_forward", "kernel[1]"});
  testing::check_argument_error([&] { forward(3, 0, 1); }, {"stride[1]"});
  testing::check_argument_error([&] { forward(3, 2, 3); }, {"pad[1]", "[0, kernel = 3)"});
  testing::check_argument_error([&] { forward(3, 1, 1); }, {"y shape", "[1, 2, 1, 5, 3]", "[1, 2, 1, 3, 3]"});
  testing::check_argument_error([&] { scale::max_pool_backward(b, y, {.argmax = {}, .dx = x}); },
                                {"max_pool_backward", "argmax"});
}

}  // namespace
