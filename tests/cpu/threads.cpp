// SPDX-License-Identifier: Apache-2.0
// Own loops of the CPU backend give the same bits for every number of threads, nested or not.
#include <scale/cpu.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/ops.hpp>

#include <omp.h>
#include <support/compare.hpp>

#include <stdexcept>
#include <thread>

namespace {

using scale::index_t;
using scale::shape;
using scale::cpu::context;
using testing::rows;

/// The outputs of every own loop whose work is worth several threads, one after another.
template <class T>
std::vector<float> all_outputs(context const& b) {
  index_t const n = 2600, c = 301;
  auto const x = testing::random_values<T>(n * c, 1), dy = testing::random_values<T>(n * c, 2);
  std::vector<float> result;
  auto const keep = [&](auto const& values) { result.insert(result.end(), values.begin(), values.end()); };
  rows<T, context> in(b, n, c, x), gradient(b, n, c, dy), y(b, n, c), dx(b, n, c, dy);
  auto const gamma = testing::make_vector(b, testing::random_values<T>(c, 3));
  scale::tensor<float, 1, context> mean(b, shape{n}), rstd(b, shape{n}), dgamma(b, shape{c}), dbeta(b, shape{c});
  scale::fill(b, dgamma, 0), scale::fill(b, dbeta, 0);
  auto const keep_all = [&] { keep(y.values(b)), keep(dx.values(b)); };

  scale::layer_norm_forward(b, in.view(), {.gamma = gamma, .beta = gamma, .y = y, .mean = mean, .rstd = rstd});
  scale::layer_norm_backward(
      b, in.view(),
      {.dy = gradient, .gamma = gamma, .mean = mean, .rstd = rstd, .dx = dx, .dgamma = dgamma, .dbeta = dbeta});
  keep_all(), keep(testing::values_of(b, dgamma)), keep(testing::values_of(b, dbeta));
  scale::softmax_forward(b, in.view(), {.y = y});
  scale::softmax_backward(b, y.view(), {.dy = gradient, .dx = dx});
  keep_all();
  scale::gelu_forward(b, in.view(), {.y = y});
  scale::gelu_backward(b, in.view(), {.dy = gradient, .dx = dx});
  keep_all();
  scale::dropout_forward(b, in.view(), {.y = y, .residual = gradient, .p = 0.2, .key = {1, 2, 3}});
  keep(y.values(b));
  auto const index = testing::make_vector(b, testing::random_indices(n, 5, 0, 50));
  scale::gather_rows_backward(b, gradient.view(), {.index = index, .dx = dx});
  keep(dx.values(b));
  scale::linear_backward(b, in.view(), {.dy = gradient, .weight = {}, .dbias = dbeta});
  keep(testing::values_of(b, dbeta));
  rows<T, context> grouped(b, n / 13, c);
  scale::group_mean_forward(b, in.view(), {.group = 13, .y = grouped});
  keep(grouped.values(b));

  std::vector<std::int32_t> source(static_cast<std::size_t>(n - n / 13));
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = i % 4 == 0 ? -1 : static_cast<std::int32_t>(i);
  auto const sources = testing::make_vector(b, source);
  index_t const places = n - n / 13;
  rows<T, context> dposition(b, places, c), dprojected(b, places, c);
  scale::assemble_tokens_backward(b, gradient.view(),
                                  {.source = sources,
                                   .clips = 12,
                                   .dprojected = dprojected,
                                   .dposition = dposition,
                                   .dmask_token = dgamma,
                                   .dcls_token = dbeta});
  keep(dprojected.values(b)), keep(testing::values_of(b, dgamma)), keep(testing::values_of(b, dbeta));

  index_t const width = 129;
  scale::tensor<T, 1, context> packed(b, shape{scale::packed_linear_size<T>(b, c, width)});
  scale::pack_linear(b, testing::make_tensor<2>(b, shape{width, c}, testing::random_values<T>(width * c, 6)),
                     {.packed = packed});
  rows<T, context> linear(b, n, width), attended(b, n, c);
  scale::packed_linear(b, in.view(), {.packed = packed, .y = linear, .act = scale::activation::gelu});
  scale::attention_forward(b, in.view(), {.k = gradient, .v = in, .heads = 7, .tokens = n / 2, .out = attended});
  keep(linear.values(b)), keep(attended.values(b));

  scale::gelu_dropout(b, in.view(), {.y = y, .slope = dx, .p = 0.2, .key = {1, 2, 3}});
  keep_all();
  scale::elementwise_product(b, y.view(), {.by = dx, .y = y});
  keep(y.values(b));
  auto param = testing::make_vector(b, testing::converted<float>(x)),
       m = testing::make_vector(b, std::vector<float>(x.size(), 0.0f));
  auto v = testing::make_vector(b, std::vector<float>(x.size(), 0.0f));
  auto rounded = testing::make_vector(b, x);
  auto const g = testing::make_vector(b, testing::converted<float>(dy));
  scale::adamw_step(
      b, g, scale::adamw_args<T, context>{.param = param, .m = m, .v = v, .rounded = rounded, .lr = 0.1, .step = 1});
  keep(testing::values_of(b, param)), keep(testing::values_of(b, rounded));
  return result;
}

TEST_CASE_TEMPLATE("cpu: results do not depend on the number of threads", T, float, scale::bf16) {
  std::vector<float> const one = all_outputs<T>(context(1));
  for (int const threads : {2, 3, 8}) testing::check_same_bits("outputs", all_outputs<T>(context(threads)), one);
  std::vector<float> nested;  // inside a parallel region of the caller's, where OpenMP gives one thread
#pragma omp parallel num_threads(2)
#pragma omp single
  nested = all_outputs<T>(context(2));
  testing::check_same_bits("outputs in a parallel region", nested, one);
}

TEST_CASE("cpu: contexts on several threads do not disturb each other") {
  std::vector<float> const expected = all_outputs<float>(context(1));
  std::vector<std::vector<float>> got(3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < got.size(); ++i)
      threads.emplace_back([&got, i] { got[i] = all_outputs<float>(context(static_cast<int>(i) + 1)); });
  }
  for (auto const& values : got) testing::check_same_bits("outputs", values, expected);
}

TEST_CASE("cpu: an operator leaves OpenMP's number of threads as it was") {
  int const before = omp_get_max_threads();
  context const b(before + 3);
  auto const x = testing::make_tensor<2>(b, shape{4, 5}, testing::random_values<float>(20, 1));
  scale::tensor<float, 2, context> c(b, shape{4, 4});
  scale::matmul(b, x, {.b = x, .c = c, .transpose_b = scale::transpose::yes});
  CHECK(omp_get_max_threads() == before);
}

TEST_CASE("cpu: parallel_for covers every item once and rethrows") {
  for (index_t const n : {0, 1, 7, 1000})
    for (int const threads : {1, 2, 5}) {
      std::vector<int> seen(static_cast<std::size_t>(n), 0);
      scale::cpu::detail::parallel_for(context(threads), n, 1, [&](index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      CHECK(seen == std::vector<int>(static_cast<std::size_t>(n), 1));
    }
  CHECK_THROWS_AS(scale::cpu::detail::parallel_for(context(2), 10, 1,
                                                   [](index_t begin, index_t) {
                                                     if (begin > 0) throw std::runtime_error("second half");
                                                   }),
                  std::runtime_error);
}

}  // namespace
