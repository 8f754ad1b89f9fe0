// SPDX-License-Identifier: Apache-2.0
// scale merge: the shards of one extraction to one store.
#include <scale/data/feature_store.hpp>
#include <scale/data/merge_stores.hpp>

#include "scale/extraction.hpp"
#include "scale/outputs.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace scale::program {

namespace {

struct merge_arguments {
  std::vector<std::string> shards;
  std::string out;
};

exit_code merge(session const& s, merge_arguments const& a) {
  std::vector<std::filesystem::path> const shards(a.shards.begin(), a.shards.end());
  for (std::filesystem::path const& shard : shards) expect_output(a.out, shard, "feature store", is_feature_store);
  expect_output(failures_path(a.out), shards.front(), "list of failures (JSON lines)", is_json_lines);
  extraction_summary const summary = merge_stores(shards, a.out);
  report_store(s, summary);
  return exit_code_of({summary});
}

}  // namespace

void add_merge(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("merge", "join the shards of one extraction to one store");
  auto const a = std::make_shared<merge_arguments>();
  command->add_option("STORE", a->shards, "the stores of all shards, in any order")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--out", a->out, "the store to write")->required();
  command->callback([&s, a] { s.run = [&s, a] { return merge(s, *a); }; });
}

}  // namespace scale::program
