#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Passes scale's tests, from a fresh checkout: installs what is missing, builds everything with warnings as errors,
# runs all tests, then those of the CPU backend with oneDNN 3 too.
#   bash cmake/check.sh [--yes]       --yes: install without asking
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/install-dependencies.sh "$@"
jobs="$(bash cmake/jobs.sh)"
cmake --preset check
cmake --build --preset check --parallel "$jobs"
ctest --preset check --parallel "$jobs"
JOBS="$jobs" bash cmake/check_onednn3.sh --quick
