// SPDX-License-Identifier: Apache-2.0
// attention, rotary and assemble_tokens.
#include <scale/cpu/assemble_tokens.hpp>
#include <scale/cpu/attention.hpp>
#include <scale/cpu/rotary.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

/// Of `count` sets of `tokens` tokens. Backward needs the probabilities, so it is for short sets.
template <class T>
void add_attention_case(std::string const& which, index_t count, index_t tokens, index_t c, index_t h, double dropout) {
  index_t const n = count * tokens;
  work const forward{2 * product(n, tokens, c), bytes<T>(4 * n * c)};
  bool const training = dropout > 0;
  add<T>("attention_forward/" + which, forward, [=](context const& b) {
    return
        [=, q = random<T>(b, shape{n, c}), k = random<T>(b, shape{n, c}), v = random<T>(b, shape{n, c}),
         out = random<T>(b, shape{n, c}), probs = random<T>(b, shape{training ? n : index_t{0}, h, tokens})]() mutable {
          attention_forward_args<T, context> a{.k = k, .v = v, .heads = h, .tokens = tokens, .out = out};
          if (training) a.probs = probs;
          if (training) a.dropout = dropout;
          attention_forward(b, q, a);
        };
  });
  if (!training) return;
  add<T>("attention_backward/" + which, {4 * product(n, tokens, c), bytes<T>(8 * n * c)}, [=](context const& b) {
    return [=, q = random<T>(b, shape{n, c}), k = random<T>(b, shape{n, c}), v = random<T>(b, shape{n, c}),
            dout = random<T>(b, shape{n, c}), probs = random<T>(b, shape{n, h, tokens}, 0.1f),
            dq = random<T>(b, shape{n, c}), dk = random<T>(b, shape{n, c}), dv = random<T>(b, shape{n, c})]() mutable {
      attention_backward(b, q,
                         {.k = k,
                          .v = v,
                          .probs = probs,
                          .dout = dout,
                          .heads = h,
                          .tokens = tokens,
                          .dq = dq,
                          .dk = dk,
                          .dv = dv,
                          .dropout = dropout});
    };
  });
}

template <class T>
void add_rotary() {
  index_t const n = 2048, c = 1024, head = 64;
  add<T>("rotary/2048x1024", {0, bytes<T>(2 * n * c)}, [=](context const& b) {
    return
        [=, x = random<T>(b, shape{n, c}), cosine = random<T>(b, shape{n, head}), sine = random<T>(b, shape{n, head}),
         y = random<T>(b, shape{n, c})]() mutable { rotary(b, x, {.cosine = cosine, .sine = sine, .y = y}); };
  });
}

template <class T>
void add_assemble_tokens() {
  index_t const given = clip_rows - masked;
  auto const sources = [=](context const& b) {
    tensor<std::int32_t, 1, context> source(b, shape{clip_rows});
    std::int32_t next = 0;
    for (index_t i = 0; i < clip_rows; ++i) source.data_handle()[i] = i % 4 == 0 ? -1 : next++;
    return source;
  };
  double const moved = bytes<T>(given * width, clip_rows * width, token_rows * width);
  add<T>("assemble_tokens_forward", {0, moved}, [=](context const& b) {
    return [=, source = sources(b), x = random<T>(b, shape{given, width}),
            position = random<T>(b, shape{clip_rows, width}), mask = random<T>(b, shape{width}),
            cls = random<T>(b, shape{width}), tokens = random<T>(b, shape{token_rows, width})]() mutable {
      assemble_tokens_forward(b, x,
                              {.position = position,
                               .source = source,
                               .mask_token = mask,
                               .cls_token = cls,
                               .tokens = tokens,
                               .clips = set_clips});
    };
  });
  add<T>("assemble_tokens_backward", {0, moved}, [=](context const& b) {
    return [=, source = sources(b), dx = random<T>(b, shape{given, width}),
            dposition = random<T>(b, shape{clip_rows, width}), dmask = random<acc_t<T>>(b, shape{width}),
            dcls = random<acc_t<T>>(b, shape{width}), dtokens = random<T>(b, shape{token_rows, width})]() mutable {
      assemble_tokens_backward(b, dtokens,
                               {.source = source,
                                .clips = set_clips,
                                .dprojected = dx,
                                .dposition = dposition,
                                .dmask_token = dmask,
                                .dcls_token = dcls});
    };
  });
}

template <class T>
void add_all() {
  add_attention_case<T>("1024_sets_of_9", sets, 1 + set_clips, width, heads, 0.1);
  add_attention_case<T>("1_set_of_1568", 1, patches, features, 12, 0);
  add_rotary<T>();
  add_assemble_tokens<T>();
}

}  // namespace

void add_attention() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
