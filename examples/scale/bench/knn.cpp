// SPDX-License-Identifier: Apache-2.0
// scale bench knn: the nearest vectors of a bank, exactly.
#include <scale/io/npy.hpp>

#include "scale/backends.hpp"
#include "scale/bench/report.hpp"
#include "support/golden_fill.hpp"

#include <string>

namespace scale::program {

namespace {

struct knn_arguments {
  index_t queries = 10'000, bank = 100'000, dim = 1024, k = 20, runs = 3;
  std::string out;
};

/// Numbers as golden files fill them, from their name, seed 1: another program can make the same.
template <class T, class B>
tensor<T, 2, B> filled_rows(B const& b, char const* name, index_t rows, index_t columns) {
  std::vector<T> host(static_cast<std::size_t>(rows * columns));
  std::uint64_t const key = golden::fill_key(name, 1);
  for (std::size_t i = 0; i < host.size(); ++i)
    host[i] = static_cast<T>(static_cast<float>(golden::fill_value(golden::fill_bits(key, i + 1), 0, 1)));
  tensor<T, 2, B> out(b, shape{rows, columns});
  upload(b, std::span<T const>(host), out);
  return out;
}

template <class T, class B>
void bench_knn(session const& s, B const& b, knn_arguments const& a) {
  if (a.k > a.bank)
    wrong_usage("--k", "at most --bank = " + std::to_string(a.bank), std::to_string(a.k), "it picks rows of the bank");
  auto const queries = filled_rows<T>(b, "queries", a.queries, a.dim), bank = filled_rows<T>(b, "bank", a.bank, a.dim);
  tensor<stat_t<T>, 2, B> score(b, shape{a.queries, a.k});
  tensor<std::int32_t, 2, B> index(b, shape{a.queries, a.k});
  std::vector<double> const seconds =
      time_runs(s, b, a.runs, [&](index_t) { top_k_dot(b, queries, {.bank = bank, .score = score, .index = index}); });
  if (!a.out.empty()) {
    std::vector<std::int32_t> found(static_cast<std::size_t>(index.size()));
    download(b, tensor_view<std::int32_t const, 2, B>(index), std::span<std::int32_t>(found));
    write_npy(a.out, as_stored("neighbours", {a.queries, a.k}, std::span<std::int32_t const>(found)));
  }
  double const products = static_cast<double>(a.queries) * static_cast<double>(a.bank) * static_cast<double>(a.dim);
  report(s,
         {{"bench", "knn"},
          {"queries", a.queries},
          {"bank", a.bank},
          {"dim", a.dim},
          {"k", a.k},
          {"gflop", 2e-9 * products}},
         seconds);
}

}  // namespace

void add_bench_knn(CLI::App& bench, session& s) {
  CLI::App* const command = bench.add_subcommand("knn", "the nearest vectors of a bank by dot product, exactly");
  auto const a = std::make_shared<knn_arguments>();
  command->add_option("--queries", a->queries, "")->check(CLI::Range(1, 1 << 30))->capture_default_str();
  command->add_option("--bank", a->bank, "vectors")->check(CLI::Range(1, 1 << 30))->capture_default_str();
  command->add_option("--dim", a->dim, "their width")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--k", a->k, "neighbours of each query")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--runs", a->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--out", a->out, "writes the neighbours' numbers there, .npy");
  command->callback(bench_callback(s, a, []<class T>(session& own, auto const& b, knn_arguments const& arguments) {
    bench_knn<T>(own, b, arguments);
  }));
}

}  // namespace scale::program
