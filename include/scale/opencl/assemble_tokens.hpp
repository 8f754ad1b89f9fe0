// SPDX-License-Identifier: Apache-2.0
#pragma once
// The input of the set transformer on the device.

#include <scale/opencl/detail/column_sums.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/assemble_tokens.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source assemble_tokens_program{"assemble_tokens", {column_parts_source, R"CL(
kernel void assemble_tokens(long columns, long clips, MATRIX(float const, projected), MATRIX(float const, position),
                            ARRAY(int const, source), ARRAY(float const, mask_token), ARRAY(float const, cls_token),
                            MATRIX(float, tokens)) {
  FOR_ELEMENTS(i, j, columns) {
    long const set = i / (1 + clips), token = i % (1 + clips), clip = set * clips + token - 1;
    if (token == 0) {
      ROW(tokens, i)[j] = DATA(cls_token)[j];
    } else {
      int const from = DATA(source)[clip];
      float const value = from < 0 ? DATA(mask_token)[j] : ROW(projected, from)[j];
      ROW(tokens, i)[j] = value + ROW(position, clip)[j];
    }
  }
}

kernel void set_zero(long columns, MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] = 0;
}

// dprojected, 0 before, where a source names a row; dposition everywhere.
kernel void assemble_tokens_gradient(long columns, long clips, MATRIX(float const, dtokens), ARRAY(int const, source),
                                     MATRIX(float, dprojected), MATRIX(float, dposition)) {
  FOR_ELEMENTS(clip, j, columns) {
    float const slope = ROW(dtokens, clip / clips * (1 + clips) + 1 + clip % clips)[j];
    ROW(dposition, clip)[j] = slope;
    if (DATA(source)[clip] >= 0) ROW(dprojected, DATA(source)[clip])[j] = slope;
  }
}

// Over the rows of each part: of masked clips, and of first tokens.
kernel void token_parts(PARTS_OF_ROWS, long clips, MATRIX(float const, dtokens), ARRAY(int const, source),
                        MATRIX(float, mask_parts), MATRIX(float, cls_parts)) {
  COLUMN_AND_PART(j, part);
  float by_mask = 0, by_cls = 0;
  FOR_PART_ROWS(i) {
    long const set = i / (1 + clips), token = i % (1 + clips);
    if (token == 0)
      by_cls += ROW(dtokens, i)[j];
    else if (DATA(source)[set * clips + token - 1] < 0)
      by_mask += ROW(dtokens, i)[j];
  }
  ROW(mask_parts, part)[j] = by_mask;
  ROW(cls_parts, part)[j] = by_cls;
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void assemble_tokens_forward(context const& c, tensor_view<T const, 2, context> projected,
                             assemble_tokens_forward_args<T, context> const& a) {
  index_t const columns = a.tokens.extent(1);
  detail::launch(c, "assemble_tokens_forward", detail::assemble_tokens_program, "assemble_tokens",
                 detail::elements(a.tokens.extent(0), columns), columns, a.clips, detail::matrix(projected),
                 detail::matrix(a.position), a.source.data_handle(), a.mask_token.data_handle(),
                 a.cls_token.data_handle(), detail::matrix(a.tokens));
}

template <opencl_float T>
void assemble_tokens_backward(context const& c, tensor_view<T const, 2, context> dtokens,
                              assemble_tokens_backward_args<T, context> const& a) {
  constexpr auto op = "assemble_tokens_backward";
  auto const& program = detail::assemble_tokens_program;
  index_t const n = dtokens.extent(0), columns = dtokens.extent(1);
  detail::launch(c, op, program, "set_zero", detail::elements(a.dprojected.extent(0), columns), columns,
                 detail::matrix(a.dprojected));
  detail::launch(c, op, program, "assemble_tokens_gradient", detail::elements(a.dposition.extent(0), columns), columns,
                 a.clips, detail::matrix(dtokens), a.source.data_handle(), detail::matrix(a.dprojected),
                 detail::matrix(a.dposition));
  if (dtokens.size() == 0) return;
  detail::row_parts const parts(n);
  tensor<T, 2, context> mask_parts(c, shape{parts.count, columns}), cls_parts(c, shape{parts.count, columns});
  detail::launch(c, op, program, "token_parts", detail::column_parts(parts, columns), n, columns, parts.rows_per_part,
                 a.clips, detail::matrix(dtokens), a.source.data_handle(), detail::matrix(mask_parts.view()),
                 detail::matrix(cls_parts.view()));
  if (a.dmask_token.has_data()) detail::add_parts(c, op, mask_parts, a.dmask_token.data_handle());
  detail::add_parts(c, op, cls_parts, a.dcls_token.data_handle());
}

}  // namespace scale::opencl
