// SPDX-License-Identifier: Apache-2.0
#pragma once
// A backend that computes as ref does and then spoils one number of one tensor: for tests of what becomes of numbers
// that are not finite within a network. Has the operators of pre-training.

#include <scale/ref.hpp>

#include <bit>
#include <memory>
#include <string>

namespace faulty {

/// Which of the tensors that operators put out is spoilt. Tensors count from 0 in the order they are computed, those of
/// the optimiser and what is merely brought together before a step excepted.
struct fault {
  scale::index_t computed = 0;  // so far
  scale::index_t period = 0;    // tensors of a step; spoilt is `at` in each
  scale::index_t at = -1;       // none
  float value = 0;
  std::string op;  // whose tensor was spoilt last
};

struct context {
  using buffer = scale::host_buffer;
  static constexpr char const* name = "faulty";
  static constexpr bool host_accessible = true;

  std::shared_ptr<fault> state = std::make_shared<fault>();

  buffer allocate(std::size_t bytes) const { return buffer(bytes); }

  /// The element in the middle is the one.
  template <class T, int Rank>
  void computed(char const* op, scale::tensor_view<T, Rank, context> view) const {
    if (!view.has_data() || view.size() == 0) return;
    scale::index_t const number = state->computed++;
    if (state->period == 0 || number % state->period != state->at) return;
    scale::index_t offset = 0;
    for (int axis = 0; axis < Rank; ++axis) offset += view.extent(axis) / 2 * view.stride(axis);
    view.data_handle()[offset] = static_cast<T>(state->value);
    state->op = op;
  }
};

/// The same memory as ref's, for views and for structures of views.
template <class Ref, class Own>
Ref as_ref(Own const& own) {
  return std::bit_cast<Ref>(own);
}

#define SCALE_FAULTY_OPERATOR(op, rank, ...)                                                                       \
  template <scale::floating T>                                                                                     \
  void op(context const& b, scale::tensor_view<T const, rank, context> x, scale::op##_args<T, context> const& a) { \
    scale::ref::op(scale::ref::context(), as_ref<scale::tensor_view<T const, rank, scale::ref::context>>(x),       \
                   as_ref<scale::op##_args<T, scale::ref::context>>(a));                                           \
    auto const computed = [&](auto const&... views) { (b.computed(#op, views), ...); };                            \
    computed(__VA_ARGS__);                                                                                         \
  }

SCALE_FAULTY_OPERATOR(linear_forward, 2, a.pre, a.y)
SCALE_FAULTY_OPERATOR(linear_backward, 2, a.dx, a.dweight, a.dbias)
SCALE_FAULTY_OPERATOR(layer_norm_forward, 2, a.mean, a.rstd, a.y)
SCALE_FAULTY_OPERATOR(layer_norm_backward, 2, a.dx, a.dgamma, a.dbeta)
SCALE_FAULTY_OPERATOR(attention_forward, 2, a.probs, a.out)
SCALE_FAULTY_OPERATOR(attention_backward, 2, a.dq, a.dk, a.dv)
SCALE_FAULTY_OPERATOR(dropout_forward, 2, a.y)
SCALE_FAULTY_OPERATOR(dropout_backward, 2, a.dx)
SCALE_FAULTY_OPERATOR(gelu_dropout, 2, a.y, a.slope)
SCALE_FAULTY_OPERATOR(elementwise_product, 2, a.y)
SCALE_FAULTY_OPERATOR(gather_rows_forward, 2, a.y)
SCALE_FAULTY_OPERATOR(gather_rows_backward, 2, a.dx)
SCALE_FAULTY_OPERATOR(relu_backward, 2, a.dx)
SCALE_FAULTY_OPERATOR(assemble_tokens_forward, 2, a.tokens)
SCALE_FAULTY_OPERATOR(assemble_tokens_backward, 2, a.dprojected, a.dposition, a.dmask_token, a.dcls_token)
SCALE_FAULTY_OPERATOR(matmul, 2, a.c)
SCALE_FAULTY_OPERATOR(l2_normalize_forward, 2, a.norm, a.y)
SCALE_FAULTY_OPERATOR(l2_normalize_backward, 2, a.dx)
SCALE_FAULTY_OPERATOR(info_nce_forward, 2, a.lse, a.loss)
SCALE_FAULTY_OPERATOR(info_nce_backward, 2, a.dq, a.dkeys)
SCALE_FAULTY_OPERATOR(symmetric_info_nce_forward, 2, a.lse_rows, a.lse_columns, a.loss)
SCALE_FAULTY_OPERATOR(symmetric_info_nce_backward, 2, a.da, a.dother)

#undef SCALE_FAULTY_OPERATOR

template <scale::floating T>
void adamw_step(context const&, scale::tensor_view<scale::acc_t<T> const, 1, context> gradient,
                scale::adamw_args<T, context> const& a) {
  scale::ref::adamw_step(scale::ref::context(),
                         as_ref<scale::tensor_view<scale::acc_t<T> const, 1, scale::ref::context>>(gradient),
                         as_ref<scale::adamw_args<T, scale::ref::context>>(a));
}

template <scale::element S, scale::floating T>
void gather_clips(context const&, scale::tensor_view<S const, 3, context> store, scale::tensor_view<T, 2, context> y,
                  scale::gather_clips_args<T, context> const& a) {
  scale::ref::gather_clips(scale::ref::context(), as_ref<scale::tensor_view<S const, 3, scale::ref::context>>(store),
                           as_ref<scale::tensor_view<T, 2, scale::ref::context>>(y),
                           as_ref<scale::gather_clips_args<T, scale::ref::context>>(a));
}

template <scale::floating T>
void largest_magnitude(context const&, scale::tensor_view<T const, 1, context> x,
                       scale::largest_magnitude_args<T, context> const& a) {
  scale::ref::largest_magnitude(scale::ref::context(), as_ref<scale::tensor_view<T const, 1, scale::ref::context>>(x),
                                as_ref<scale::largest_magnitude_args<T, scale::ref::context>>(a));
}

template <scale::element T>
void fill(context const&, scale::tensor_view<T, 1, context> destination, T value) {
  scale::ref::fill(scale::ref::context(), as_ref<scale::tensor_view<T, 1, scale::ref::context>>(destination), value);
}

template <scale::element T>
void upload(context const&, std::span<T const> host, scale::tensor_view<T, 1, context> destination) {
  scale::ref::upload(scale::ref::context(), host, as_ref<scale::tensor_view<T, 1, scale::ref::context>>(destination));
}

template <scale::element T>
void download(context const&, scale::tensor_view<T const, 1, context> source, std::span<T> host) {
  scale::ref::download(scale::ref::context(), as_ref<scale::tensor_view<T const, 1, scale::ref::context>>(source),
                       host);
}

}  // namespace faulty
