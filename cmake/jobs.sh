#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints how many compilers to run at once: one per core, but no more than one per 1.5 GiB of free memory.
set -euo pipefail

cores="$(nproc 2> /dev/null || echo 1)"
jobs="$cores"
if [ -r /proc/meminfo ]; then
  available="$(awk '$1 == "MemAvailable:" { print int($2 / 1572864) }' /proc/meminfo)"
  if [ -n "$available" ] && [ "$available" -lt "$jobs" ]; then jobs="$available"; fi
fi
if [ "$jobs" -lt 1 ]; then jobs=1; fi
echo "$jobs"
