#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one reader's fuzzer from its seeds and the committed corpus. What it finds stays in FOLDER.
#   bash tests/fuzz/run_fuzzer.sh FUZZ_READERS READER RUNS FOLDER
set -euo pipefail
fuzzer="$1" reader="$2" runs="$3" folder="$4"
export SCALE_FUZZ_READER="$reader"
corpus="$(dirname "${BASH_SOURCE[0]}")/corpus/$reader"

mkdir -p "$folder/found"
"$fuzzer" --seeds "$folder/seeds"
folders=("$folder/found" "$folder/seeds")
if [ -d "$corpus" ]; then folders+=("$corpus"); fi
cd "$folder"
# For speed: no stacks of allocations, no weighing of the corpus. What is found is run again without the first.
export ASAN_OPTIONS="malloc_context_size=0:quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
exec "$fuzzer" -runs="$runs" -max_len=4096 -len_control=0 -entropic=0 -timeout=20 -rss_limit_mb=2048 \
  -print_final_stats=1 -verbosity=0 "${folders[@]}"
