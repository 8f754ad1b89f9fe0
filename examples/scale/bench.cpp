// SPDX-License-Identifier: Apache-2.0
// scale bench: how fast this machine trains, extracts and decodes.
#include "scale/bench/report.hpp"

namespace scale::program {

void add_bench(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("bench", "measure speed and memory");
  command->require_subcommand(1);
  add_bench_step(*command, s);
  add_bench_embed(*command, s);
  add_bench_knn(*command, s);
#if SCALE_PROGRAM_CPU
  add_bench_store(*command, s);
#endif
  add_bench_backbone(*command, s);
#if SCALE_PROGRAM_VIDEO
  add_bench_decode(*command, s);
#endif
}

}  // namespace scale::program
