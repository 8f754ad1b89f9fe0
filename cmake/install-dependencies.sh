#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building and testing need on Debian or Ubuntu, only what is missing. --yes: do not ask.
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config git python3 libdnnl-dev libeigen3-dev libxtensor-dev doctest-dev
          libavformat-dev libavcodec-dev libavutil-dev libswscale-dev ffmpeg libcli11-dev nlohmann-json3-dev
          libfmt-dev libbenchmark-dev)

if ! command -v dpkg-query >/dev/null; then
  echo "install-dependencies: this is no Debian or Ubuntu; install the equivalents of: ${packages[*]}" >&2
  exit 4
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Missing packages: ${missing[*]}"
if [ "${1:-}" != --yes ] && [ -t 0 ]; then
  read -r -p "Install them with apt-get? [Y/n] " answer
  case "$answer" in [nN]*) echo "install-dependencies: nothing installed" >&2; exit 4 ;; esac
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-dependencies: run as root, or install sudo" >&2; exit 4; }
  run=(sudo)
fi
"${run[@]}" apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
