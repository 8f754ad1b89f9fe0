// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/assemble_tokens.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using testing::rows;
using testing::test_backend;

enum class masking { none, some, all };

/// -1 for masked clips; the others name rows of `projected` in order, with a row left over at the end if asked.
std::vector<std::int32_t> sources(index_t places, masking kind, std::int32_t& used) {
  auto source = testing::random_indices(places, 9, 0, 4);
  used = 0;
  for (std::int32_t& s : source) s = kind == masking::all || (kind == masking::some && s == 0) ? -1 : used++;
  return source;
}

TEST_CASE_TEMPLATE("assemble_tokens places tokens and returns their gradients", T, SCALE_TEST_TYPES) {
  using acc = scale::acc_t<T>;
  test_backend const b = testing::make_backend();
  for (masking const kind : {masking::none, masking::some, masking::all})
    for (index_t const sets : {0, 1, 70})
      for (index_t const clips : {1, 8})
        for (index_t const h : {1, 33, 150}) {
          std::int32_t used = 0;
          auto const source = sources(sets * clips, kind, used);
          index_t const u = used + 2;  // two rows that nothing names
          auto const projected = testing::random_values<T>(u * h, 1), mask = testing::random_values<T>(h, 2);
          auto const cls = testing::random_values<T>(h, 3), position = testing::random_values<T>(sets * clips * h, 4);
          auto const dtokens = testing::random_values<T>(sets * (1 + clips) * h, 5);
          auto const dmask0 = testing::random_values<acc>(h, 6), dcls0 = testing::random_values<acc>(h, 7);
          std::vector<T> tokens(dtokens.size()), dprojected(projected.size(), T(0)), dposition(position.size());
          auto dmask = testing::converted<double>(dmask0), dcls = testing::converted<double>(dcls0);
          for (index_t s = 0; s < sets; ++s)
            for (index_t token = 0; token <= clips; ++token)
              for (index_t j = 0; j < h; ++j) {
                auto const at = static_cast<std::size_t>((s * (1 + clips) + token) * h + j);
                auto const column = static_cast<std::size_t>(j);
                if (token == 0) {
                  tokens[at] = cls[column];
                  dcls[column] += static_cast<double>(dtokens[at]);
                  continue;
                }
                auto const place = static_cast<std::size_t>(s * clips + token - 1);
                auto const there = place * static_cast<std::size_t>(h) + column;
                dposition[there] = dtokens[at];
                if (source[place] < 0) {
                  tokens[at] = T(acc(mask[column]) + acc(position[there]));
                  dmask[column] += static_cast<double>(dtokens[at]);
                } else {
                  auto const from = static_cast<std::size_t>(source[place] * h + j);
                  tokens[at] = T(acc(projected[from]) + acc(position[there]));
                  dprojected[from] = dtokens[at];
                }
              }
          rows<T, test_backend> in(b, u, h, projected), place(b, sets * clips, h, position);
          rows<T, test_backend> out(b, sets * (1 + clips), h), gradient(b, sets * (1 + clips), h, dtokens);
          rows<T, test_backend> din(b, u, h), dplace(b, sets * clips, h);
          auto const source_ = testing::make_vector(b, source);
          auto const mask_ = testing::make_vector(b, mask), cls_ = testing::make_vector(b, cls);
          auto dmask_ = testing::make_vector(b, dmask0), dcls_ = testing::make_vector(b, dcls0);
          scale::tensor_view<T const, 1, test_backend> given_mask;
          scale::tensor_view<acc, 1, test_backend> given_dmask;
          if (kind != masking::none) given_mask = mask_, given_dmask = dmask_;
          scale::assemble_tokens_forward(b, in.view(),
                                         {.position = place,
                                          .source = source_,
                                          .mask_token = given_mask,
                                          .cls_token = cls_,
                                          .tokens = out,
                                          .clips = clips});
          testing::check_same_bits("tokens", out.values(b), tokens);
          scale::assemble_tokens_backward(b, gradient.view(),
                                          {.source = source_,
                                           .clips = clips,
                                           .dprojected = din,
                                           .dposition = dplace,
                                           .dmask_token = given_dmask,
                                           .dcls_token = dcls_});
          testing::check_same_bits("dprojected", din.values(b), dprojected);
          testing::check_same_bits("dposition", dplace.values(b), dposition);
          testing::check_close("dcls_token", testing::values_of(b, dcls_), dcls, testing::tolerance<T>(sets + 1));
          testing::check_close("dmask_token", testing::values_of(b, dmask_), dmask,
                               testing::tolerance<T>(sets * clips + 1));
        }
}

TEST_CASE("assemble_tokens refuses what its contract forbids") {
  using context = test_backend;
  context const b = testing::make_backend();
  scale::tensor<float, 2, context> projected(b, scale::shape{2, 4}), position(b, scale::shape{3, 4});
  scale::tensor<float, 2, context> tokens(b, scale::shape{4, 4});
  scale::tensor<float, 1, context> token(b, scale::shape{4});
  auto const run = [&](std::vector<std::int32_t> const& values, index_t clips, bool with_mask) {
    auto const source = testing::make_vector(b, values);
    scale::tensor_view<float const, 1, context> mask;
    if (with_mask) mask = token;
    scale::assemble_tokens_forward(b, projected,
                                   {.position = position,
                                    .source = source,
                                    .mask_token = mask,
                                    .cls_token = token,
                                    .tokens = tokens,
                                    .clips = clips});
  };
  testing::check_index_error<test_backend>([&] { run({0, -1, 2}, 3, true); }, {"source[2]", "[-1, 2)", "2"});
  testing::check_index_error<test_backend>([&] { run({0, -1, 1}, 3, false); }, {"source[1]", "[0, 2)", "-1"});
  testing::check_index_error<test_backend>([&] { run({1, -1, 1}, 3, true); }, {"source[2]", "1 again"});
  testing::check_argument_error([&] { run({0, -1, 1}, 2, true); }, {"multiple of clips = 2", "3"});
  testing::check_argument_error([&] { run({0, -1, 1}, 0, true); }, {"clips", "at least 1"});
}

}  // namespace
