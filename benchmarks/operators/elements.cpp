// SPDX-License-Identifier: Apache-2.0
// gelu, relu, relu6, dropout, copy, fill, transfer and adamw: element by element.
#include <scale/cpu/adamw.hpp>
#include <scale/cpu/copy.hpp>
#include <scale/cpu/dropout.hpp>
#include <scale/cpu/fill.hpp>
#include <scale/cpu/gelu.hpp>
#include <scale/cpu/relu.hpp>
#include <scale/cpu/relu6.hpp>
#include <scale/cpu/transfer.hpp>

#include "operators/cases.hpp"

#include <span>
#include <vector>

namespace scale::benchmarks {

namespace {

using cpu::context;

/// Hidden activations of the target head; parameters of the model for D 768.
constexpr index_t n = clip_rows, c = 2048, parameters = 10'000'000;
constexpr char const* size = "/8192x2048";

/// forward(b, x, y) and backward(b, x, dy, dx).
template <class T, class Forward, class Backward>
void add_pair(std::string const& name, Forward forward, Backward backward) {
  add<T>(name + "_forward" + size, {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), y = random<T>(b, shape{n, c})]() mutable { forward(b, x, y); };
  });
  add<T>(name + "_backward" + size, {0, bytes<T>(3 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), dy = random<T>(b, shape{n, c}),
            dx = random<T>(b, shape{n, c})]() mutable { backward(b, x, dy, dx); };
  });
}

template <class T>
void add_activations() {
  add_pair<T>(
      "gelu", [](auto& b, auto& x, auto& y) { gelu_forward(b, x, {.y = y}); },
      [](auto& b, auto& x, auto& dy, auto& dx) { gelu_backward(b, x, {.dy = dy, .dx = dx}); });
  add_pair<T>(
      "relu", [](auto& b, auto& x, auto& y) { relu_forward(b, x, {.y = y}); },
      [](auto& b, auto& x, auto& dy, auto& dx) { relu_backward(b, x, {.dy = dy, .dx = dx}); });
  add_pair<T>(
      "relu6", [](auto& b, auto& x, auto& y) { relu6_forward(b, x, {.y = y}); },
      [](auto& b, auto& x, auto& dy, auto& dx) { relu6_backward(b, x, {.dy = dy, .dx = dx}); });
}

template <class T>
void add_dropout() {
  index_t const rows = token_rows;
  random_key const key = make_key(1, 2, purpose::demo);
  add<T>("dropout_forward/9216x256", {0, bytes<T>(3 * rows * width)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{rows, width}), residual = random<T>(b, shape{rows, width}),
            y = random<T>(b, shape{rows, width})]() mutable {
      dropout_forward(b, x, {.y = y, .residual = residual, .p = 0.1, .key = key});
    };
  });
  add<T>("dropout_backward/9216x256", {0, bytes<T>(2 * rows * width)}, [=](context const& b) {
    return [=, dy = random<T>(b, shape{rows, width}), dx = random<T>(b, shape{rows, width})]() mutable {
      dropout_backward(b, dy, {.dx = dx, .p = 0.1, .key = key});
    };
  });
}

template <class T>
void add_moves() {
  add<T>(std::string("copy") + size, {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), y = random<T>(b, shape{n, c})]() mutable { copy(b, x, {.y = y}); };
  });
  add<T>(std::string("copy_accumulate") + size, {0, bytes<T>(3 * n * c)}, [=](context const& b) {
    return [=, x = random<T>(b, shape{n, c}), y = random<T>(b, shape{n, c})]() mutable {
      copy(b, x, {.y = y, .mode = write_mode::accumulate});
    };
  });
  add<T>(std::string("fill") + size, {0, bytes<T>(n * c)}, [=](context const& b) {
    return [=, y = random<T>(b, shape{n, c})]() mutable { fill(b, y, 0); };
  });
  add<T>(std::string("upload") + size, {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, host = std::vector<T>(static_cast<std::size_t>(n * c), T(1.0f)),
            y = random<T>(b, shape{n, c})]() mutable { upload(b, std::span<T const>(host), y); };
  });
  add<T>(std::string("download") + size, {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return [=, host = std::vector<T>(static_cast<std::size_t>(n * c)), x = random<T>(b, shape{n, c})]() mutable {
      download(b, tensor_view<T const, 2, context>(x), std::span<T>(host));
    };
  });
}

/// The parameters in float; for bf16 their rounded copy is written too.
template <class T>
void add_adamw() {
  bool const rounds = !std::same_as<T, acc_t<T>>;
  double const moved = bytes<acc_t<T>>(7 * parameters) + (rounds ? bytes<T>(parameters) : 0);
  add<T>("adamw/10000000", {0, moved}, [=](context const& b) {
    return [=, gradient = random<acc_t<T>>(b, shape{parameters}), p = random<acc_t<T>>(b, shape{parameters}),
            m = random<acc_t<T>>(b, shape{parameters}, 0), v = random<acc_t<T>>(b, shape{parameters}, 0),
            copy = random<T>(b, shape{rounds ? parameters : index_t{0}}), step = std::int64_t{0}]() mutable {
      adamw_args<T, context> a{.param = p, .m = m, .v = v, .lr = 1e-4, .weight_decay = 1e-4, .step = ++step};
      if (rounds) a.rounded = copy;
      adamw_step(b, tensor_view<acc_t<T> const, 1, context>(gradient), a);
    };
  });
}

template <class T>
void add_all() {
  add_activations<T>();
  add_dropout<T>();
  add_moves<T>();
  add_adamw<T>();
}

}  // namespace

void add_elements() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
