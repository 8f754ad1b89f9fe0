#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds everything with warnings as errors, runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."

bash cmake/install-dependencies.sh "$@"
cmake --preset dev
cmake --build --preset dev --parallel 2
ctest --preset dev
