#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows scale at work, from a fresh checkout: installs what is missing, builds the program, runs `scale demo`.
#   bash cmake/demo.sh [--yes] [options of scale demo]      --yes: install without asking
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_options=()
demo_options=()
for argument in "$@"; do
  if [ "$argument" = --yes ]; then install_options+=("$argument"); else demo_options+=("$argument"); fi
done

bash cmake/install-dependencies.sh ${install_options[@]+"${install_options[@]}"}
cmake --preset release
cmake --build --preset release --target scale --parallel "$(bash cmake/jobs.sh)"
exec build/release/bin/scale demo ${demo_options[@]+"${demo_options[@]}"}
