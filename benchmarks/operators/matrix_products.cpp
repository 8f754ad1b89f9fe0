// SPDX-License-Identifier: Apache-2.0
// linear, matmul and packed_linear.
#include <scale/cpu/linear.hpp>
#include <scale/cpu/matmul.hpp>
#include <scale/cpu/packed_linear.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

std::string sizes(index_t n, index_t i, index_t o) {
  return "/" + std::to_string(n) + "x" + std::to_string(i) + "x" + std::to_string(o);
}

template <class T>
void add_linear_case(index_t n, index_t i, index_t o, activation act) {
  std::string const bent = act == activation::gelu ? "_gelu" : "";
  add<T>("linear_forward" + bent + sizes(n, i, o), {product(n, o, i), bytes<T>(n * i, o * i, n * o)},
         [=](context const& c) {
           return [=, x = random<T>(c, shape{n, i}), w = random<T>(c, shape{o, i}, 0.1f), bias = random<T>(c, shape{o}),
                   y = random<T>(c, shape{n, o}), pre = random<T>(c, shape{n, o})]() mutable {
             if (act == activation::gelu)
               linear_forward(c, x, {.weight = w, .bias = bias, .y = y, .act = act, .pre = pre});
             else
               linear_forward(c, x, {.weight = w, .bias = bias, .y = y});
           };
         });
  if (act != activation::none) return;
  add<T>("linear_backward" + sizes(n, i, o), {2 * product(n, o, i), bytes<T>(2 * n * i, 2 * o * i, n * o)},
         [=](context const& c) {
           return [=, x = random<T>(c, shape{n, i}), w = random<T>(c, shape{o, i}, 0.1f),
                   dy = random<T>(c, shape{n, o}), dx = random<T>(c, shape{n, i}),
                   dw = random<acc_t<T>>(c, shape{o, i}), dbias = random<acc_t<T>>(c, shape{o})]() mutable {
             linear_backward(c, x, {.dy = dy, .weight = w, .dx = dx, .dweight = dw, .dbias = dbias});
           };
         });
}

/// The layers of a pre-training step, from the input projection to the heads.
template <class T>
void add_linear() {
  add_linear_case<T>(clip_rows - masked, features, width, activation::none);
  add_linear_case<T>(clip_rows, 7, 2 * width, activation::none);
  add_linear_case<T>(token_rows, width, 3 * width, activation::none);
  add_linear_case<T>(token_rows, width, width, activation::none);
  add_linear_case<T>(token_rows, width, 2 * width, activation::gelu);
  add_linear_case<T>(token_rows, 2 * width, width, activation::none);
  add_linear_case<T>(sets, width, 4096, activation::none);
  add_linear_case<T>(masked, 4096, contrast, activation::none);
  add_linear_case<T>(clip_rows, features, 2048, activation::none);
  add_linear_case<T>(clip_rows, 2048, 2048, activation::none);
  add_linear_case<T>(clip_rows, 2048, contrast, activation::none);
}

template <class T>
void add_matmul() {
  for (transpose const first : {transpose::no, transpose::yes})
    for (transpose const second : {transpose::no, transpose::yes}) {
      index_t const n = 1024;
      std::string const how = std::string(first == transpose::yes ? "t" : "n") + (second == transpose::yes ? "t" : "n");
      add<T>("matmul_" + how + sizes(n, n, n), {product(n, n, n), bytes<T>(3 * n * n)}, [=](context const& c) {
        return
            [=, a = random<T>(c, shape{n, n}), b = random<T>(c, shape{n, n}), y = random<T>(c, shape{n, n})]() mutable {
              matmul(c, a, {.b = b, .c = y, .transpose_a = first, .transpose_b = second});
            };
      });
    }
}

/// The layers of VideoMAE-B.
template <class T>
void add_packed_linear() {
  for (auto const& [i, o, act] :
       {std::tuple{features, 3 * features, activation::none}, std::tuple{features, features, activation::none},
        std::tuple{features, 4 * features, activation::gelu}, std::tuple{4 * features, features, activation::none}})
    add<T>("packed_linear" + std::string(act == activation::gelu ? "_gelu" : "") + sizes(patches, i, o),
           {product(patches, o, i), bytes<T>(patches * i, o * i, patches * o)},
           [i = i, o = o, act = act](context const& c) {
             auto const w = random<T>(c, shape{o, i}, 0.1f);
             tensor<T, 1, context> packed(c, shape{packed_linear_size<T>(c, i, o)});
             pack_linear(c, w, {.packed = packed});
             return [=, packed = std::move(packed), x = random<T>(c, shape{patches, i}), bias = random<T>(c, shape{o}),
                     y = random<T>(c, shape{patches, o})]() mutable {
               packed_linear(c, x, {.packed = packed, .bias = bias, .y = y, .act = act});
             };
           });
  index_t const i = features, o = 4 * features;
  add<T>("pack_linear/" + std::to_string(i) + "x" + std::to_string(o), {0, bytes<T>(2 * o * i)}, [=](context const& c) {
    return [=, w = random<T>(c, shape{o, i}), packed = random<T>(c, shape{packed_linear_size<T>(c, i, o)})]() mutable {
      pack_linear(c, w, {.packed = packed});
    };
  });
}

template <class T>
void add_all() {
  add_linear<T>();
  add_matmul<T>();
  add_packed_linear<T>();
}

}  // namespace

void add_matrix_products() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
