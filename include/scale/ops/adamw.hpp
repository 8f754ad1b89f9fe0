// SPDX-License-Identifier: Apache-2.0
#pragma once
// One step of AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019): contract of
// adamw_step.

#include <scale/core/tensor.hpp>

#include <concepts>
#include <cstdint>
#include <string>

namespace scale {

/// With gradient g, for every element:
///   param *= 1 - lr * weight_decay;   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2;
///   param -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
/// computed in acc_t<T>, the constants before that in double. All are contiguous and do not overlap. A network that
/// computes in a 16-bit type T is trained on `param` in float, its master weights, and reads `rounded`.
template <class T, backend B>
struct adamw_args {
  tensor_view<acc_t<T>, 1, B> param;  // [n]  in and out
  tensor_view<acc_t<T>, 1, B> m, v;   // [n]  in and out, 0 before the first step
  tensor_view<T, 1, B> rounded{};     // [n]  = param, optional
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  std::int64_t step = 0;  // number of this step, from 1
};

namespace detail::adamw_cpo {

void adamw_step() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  adamw_step(b, x, a);
};

struct fn {
  /// A network that computes in the gradient's type.
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& gradient, std::type_identity_t<adamw_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    checked(b, tensor_view<element_t<X> const, 1, B>(gradient), a, at);
  }

  /// A network that computes in another type than the gradient's: name it, adamw_args<bf16, B>{...}.
  template <floating T, backend B, readable_by<B> X>
  requires(!std::same_as<T, element_t<X>> && std::same_as<acc_t<T>, element_t<X>>)  //
      void
      operator()(B const& b, X const& gradient, adamw_args<T, B> const& a, location at = location::current()) const {
    checked(b, tensor_view<element_t<X> const, 1, B>(gradient), a, at);
  }

 private:
  template <class T, backend B>
  static void checked(B const& b, tensor_view<acc_t<T> const, 1, B> gradient, adamw_args<T, B> const& a, location at) {
    constexpr auto op = "adamw_step";
    index_t const n = gradient.extent(0);
    expect_shape(op, "gradient", gradient, shape{n}, at);
    expect_contiguous(op, "gradient", gradient, at);
    expect_shape(op, "param", a.param, shape{n}, at);
    expect_contiguous(op, "param", a.param, at);
    expect_shape(op, "m", a.m, shape{n}, at);
    expect_contiguous(op, "m", a.m, at);
    expect_shape(op, "v", a.v, shape{n}, at);
    expect_contiguous(op, "v", a.v, at);
    expect_shape_if_given(op, "rounded", a.rounded, shape{n}, at);
    expect_contiguous(op, "rounded", a.rounded, at);
    expect_fraction(op, "beta1", a.beta1, at);
    expect_fraction(op, "beta2", a.beta2, at);
    if (!(a.eps >= 0)) throw_expected(op, "eps", "at least 0", std::to_string(a.eps), at);
    if (a.step < 1) throw_expected(op, "step", "at least 1", std::to_string(a.step), at);
    if constexpr (on<B, decltype(gradient), adamw_args<T, B>>)
      adamw_step(b, gradient, a);
    else
      static_assert(sizeof(T) == 0,
                    "adamw_step: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }

  static void expect_fraction(char const* op, char const* argument, double value, location at) {
    if (!(value >= 0.0 && value < 1.0)) throw_expected(op, argument, "in [0, 1)", std::to_string(value), at);
  }
};

}  // namespace detail::adamw_cpo

inline constexpr detail::adamw_cpo::fn adamw_step{};

}  // namespace scale
