// SPDX-License-Identifier: Apache-2.0
// Attention, losses, search, pooling, batch norm and resizing of the CPU backend: the same bits for every number of
// threads, their matrix products included, which run in tiles cut by the shapes alone.
#include <scale/cpu.hpp>
#include <scale/ops.hpp>

#include <support/compare.hpp>
#include <support/layout.hpp>

namespace {

using scale::index_t;
using scale::shape;
using scale::cpu::context;
using testing::rows;

template <class T>
class outputs {
 public:
  explicit outputs(context const& b) : b_(b) {
    losses();
    attention();
    search();
    pools();
    norm_and_resize();
  }

  std::vector<float> const& values() const { return values_; }

 private:
  template <class V>
  void keep(std::vector<V> const& more) {
    values_.insert(values_.end(), more.begin(), more.end());
  }
  template <class V, int Rank>
  void keep(scale::tensor<V, Rank, context> const& x) {
    keep(testing::values_of(b_, x));
  }

  void losses() {
    index_t const m = 711, n = 2300, c = 33;
    rows<T, context> q(b_, m, c, testing::random_values<T>(m * c, 1)), dq(b_, m, c);
    rows<T, context> keys(b_, n, c, testing::random_values<T>(n * c, 2)), dkeys(b_, n, c);
    auto const target = testing::make_vector(b_, testing::random_indices(m, 3, 0, static_cast<std::int32_t>(n)));
    scale::tensor<float, 1, context> lse(b_, shape{m}), lse2(b_, shape{m}), loss(b_, shape{1});
    scale::tensor<std::int32_t, 1, context> correct(b_, shape{1}), both(b_, shape{2});
    scale::info_nce_forward(
        b_, q.view(),
        {.keys = keys, .target = target, .temperature = 0.2, .lse = lse, .loss = loss, .correct = correct});
    scale::info_nce_backward(
        b_, q.view(),
        {.keys = keys, .target = target, .temperature = 0.2, .lse = lse, .scale = 1, .dq = dq, .dkeys = dkeys});
    keep(loss), keep(lse), keep(dq.values(b_)), keep(dkeys.values(b_));
    rows<T, context> other(b_, m, c, testing::random_values<T>(m * c, 4)), dother(b_, m, c);
    scale::symmetric_info_nce_forward(
        b_, q.view(),
        {.other = other, .temperature = 0.2, .lse_rows = lse, .lse_columns = lse2, .loss = loss, .correct = both});
    scale::symmetric_info_nce_backward(b_, q.view(),
                                       {.other = other,
                                        .temperature = 0.2,
                                        .lse_rows = lse,
                                        .lse_columns = lse2,
                                        .scale = 1,
                                        .da = dq,
                                        .dother = dother});
    keep(loss), keep(lse2), keep(dq.values(b_)), keep(dother.values(b_));
    rows<T, context> dlogits(b_, m, c), normal(b_, m, c);
    auto const labels = testing::make_vector(b_, testing::random_indices(m, 5, 0, static_cast<std::int32_t>(c)));
    scale::cross_entropy_forward(b_, q.view(), {.labels = labels, .loss = loss, .lse = lse});
    scale::cross_entropy_backward(b_, q.view(), {.labels = labels, .lse = lse, .scale = 1, .dlogits = dlogits});
    scale::l2_normalize_forward(b_, q.view(), {.y = normal, .norm = lse2});
    scale::l2_normalize_backward(b_, normal.view(), {.dy = other, .norm = lse2, .dx = dq});
    keep(loss), keep(dlogits.values(b_)), keep(normal.values(b_)), keep(dq.values(b_));
  }

  void attention() {
    index_t const sets = 13, tokens = 70, heads = 3, c = 96, n = sets * tokens;
    rows<T, context> q(b_, n, c, testing::random_values<T>(n * c, 6)), out(b_, n, c), dq(b_, n, c);
    rows<T, context> k(b_, n, c, testing::random_values<T>(n * c, 7)), dk(b_, n, c), dv(b_, n, c);
    rows<T, context> v(b_, n, c, testing::random_values<T>(n * c, 8));
    scale::tensor<T, 3, context> probs(b_, shape{n, heads, tokens});
    scale::random_key const key{1, 2, 3};
    scale::attention_forward(
        b_, q.view(),
        {.k = k, .v = v, .heads = heads, .tokens = tokens, .out = out, .probs = probs, .dropout = 0.1, .key = key});
    scale::attention_backward(b_, q.view(),
                              {.k = k,
                               .v = v,
                               .probs = probs,
                               .dout = v,
                               .heads = heads,
                               .tokens = tokens,
                               .dq = dq,
                               .dk = dk,
                               .dv = dv,
                               .dropout = 0.1,
                               .key = key});
    keep(out.values(b_)), keep(dq.values(b_)), keep(dk.values(b_)), keep(dv.values(b_));
  }

  void search() {
    index_t const m = 301, n = 1700, d = 21, k = 12;
    rows<T, context> q(b_, m, d, testing::random_values<T>(m * d, 9));
    rows<float, context> score(b_, m, k);
    rows<T, context> bank(b_, n, d, testing::random_values<T>(n * d, 10));
    scale::tensor<std::int32_t, 2, context> index(b_, shape{m, k});
    scale::top_k_dot(b_, q.view(), {.bank = bank, .score = score, .index = index});
    keep(score.values(b_)), keep(testing::converted<float>(testing::values_of(b_, index)));
  }

  void pools() {
    shape const in{2, 70, 5, 17, 19}, out{2, 70, 5, 9, 10};
    for (testing::layout const l : testing::all_layouts) {
      testing::laid_out<T, 5, context> x(b_, in, l, testing::random_values<T>(in.size(), 11)), dx(b_, in, l);
      testing::laid_out<T, 5, context> y(b_, out, l), dy(b_, out, l, testing::random_values<T>(out.size(), 12));
      testing::laid_out<std::int32_t, 5, context> argmax(b_, out, l);
      scale::max_pool_forward(b_, x.view(),
                              {.y = y, .argmax = argmax, .kernel = {1, 3, 3}, .stride = {1, 2, 2}, .pad = {0, 1, 1}});
      scale::max_pool_backward(b_, dy.view(), {.argmax = argmax, .dx = dx});
      keep(y.values(b_)), keep(dx.values(b_));
      rows<T, context> mean(b_, 2, 70);
      scale::mean_pool_forward(b_, x.view(), {.y = mean});
      scale::mean_pool_backward(b_, mean.view(), {.dx = dx});
      keep(mean.values(b_)), keep(dx.values(b_));
    }
  }

  void norm_and_resize() {
    shape const s{3, 70, 300};
    auto const x = testing::make_tensor<3>(b_, s, testing::random_values<T>(s.size(), 13));
    scale::tensor<T, 3, context> y(b_, s), dx(b_, s);
    scale::tensor<float, 1, context> mean(b_, shape{s[1]}), rstd(b_, shape{s[1]});
    auto const training = scale::batch_norm_mode::training;
    scale::batch_norm_forward(b_, x, {.mean = mean, .rstd = rstd, .y = y, .mode = training});
    scale::batch_norm_backward(b_, x, {.dy = y, .mean = mean, .rstd = rstd, .dx = dx, .mode = training});
    keep(y), keep(dx);
    shape const in{1, 200, 4, 9, 11}, out{1, 200, 5, 8, 13};
    auto const clip = testing::make_tensor<5>(b_, in, testing::random_values<T>(in.size(), 14));
    scale::tensor<T, 5, context> resized(b_, out), back(b_, in);
    scale::trilinear_resize_forward(b_, clip, {.y = resized});
    scale::trilinear_resize_backward(b_, resized, {.dx = back});
    keep(resized), keep(back);
  }

  context const& b_;
  std::vector<float> values_;
};

TEST_CASE_TEMPLATE("attention, losses, search, pooling, batch norm and resizing do not depend on the number of threads",
                   T, float, scale::bf16) {
  outputs<T> const one(context(1));
  for (int const threads : {2, 3, 7})
    testing::check_same_bits("outputs", outputs<T>(context(threads)).values(), one.values());
}

}  // namespace
