#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Passes the tests of the CPU backend with oneDNN 3, where the system's is 2: gets it by pip, into the build folder.
#   bash cmake/check_onednn3.sh [--quick] [PACKAGE]      default onednn-devel-cpu-gomp: oneDNN 3.2 on GNU OpenMP
# --quick: only tests/cpu, of which every part of the backend is compiled and run, in two minutes.
# `onednn-devel` is a later one, on SYCL: 2 GB with what it needs. Without network or venv: a message, exit code 0.
# JOBS: how many compilers at once; unless set, as many as cmake/jobs.sh says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=(test_cpu test_ops_cpu test_nn_cpu)
if [ "${1:-}" = --quick ]; then
  tests=(test_cpu)
  shift
fi
package="${1:-onednn-devel-cpu-gomp}"
folder="build/$package"
packages="$PWD/$folder/packages"
jobs="${JOBS:-$(bash cmake/jobs.sh)}"
say() { printf 'check_onednn3: %s\n' "$*" >&2; }

mkdir -p "$folder"
if [ ! -e "$packages/include/oneapi/dnnl/dnnl.hpp" ]; then
  rm -rf "$packages"
  if ! python3 -m venv "$packages" > "$folder/pip.log" 2>&1; then
    say "skipped: python3 -m venv did not work, see $folder/pip.log (Debian: python3-venv)"
    exit 0
  fi
  if ! "$packages/bin/python" -m pip install --disable-pip-version-check --retries 1 "$package" \
      >> "$folder/pip.log" 2>&1; then
    rm -rf "$packages"
    say "skipped: pip did not get $package, see $folder/pip.log"
    exit 0
  fi
fi

# -O1: this looks at what oneDNN is asked for and gives, not at speed.
cmake --preset check -B "$folder" -DCMAKE_CXX_FLAGS_DEBUG="-O1 -D_GLIBCXX_ASSERTIONS" \
  -DSCALE_VIDEO=OFF -DSCALE_BUILD_EXAMPLES=OFF -DSCALE_BUILD_BENCHMARKS=OFF -DSCALE_INSTALL=OFF \
  -Donednn_INCLUDE_DIR="$packages/include" -Donednn_LIBRARY="$packages/lib/libdnnl.so" > "$folder/configure.log"
cmake --build "$folder" --parallel "$jobs" --target "${tests[@]}"
export LD_LIBRARY_PATH="$packages/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# A build of oneDNN on SYCL computes on a CPU only where this OpenCL runtime is named.
if [ -e "$packages/lib/libintelocl.so" ]; then export OCL_ICD_FILENAMES="$packages/lib/libintelocl.so"; fi
ctest --test-dir "$folder" --output-on-failure --no-tests=error -R "^($(IFS='|'; echo "${tests[*]}"))\$"
