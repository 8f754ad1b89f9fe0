#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building and testing scale needs and this Debian or Ubuntu does not have yet.
#   bash cmake/install-dependencies.sh [--yes]
# Asks first where a person is at the terminal, unless --yes is given. Needs root, or sudo.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git python3
  libdnnl-dev libeigen3-dev libxtensor-dev nlohmann-json3-dev zlib1g-dev
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev ffmpeg
  libboost-dev opencl-headers ocl-icd-opencl-dev pocl-opencl-icd
  libcli11-dev libfmt-dev doctest-dev libbenchmark-dev
)

say() { printf '%s\n' "$*" >&2; }

assume_yes=no
for argument in "$@"; do
  case "$argument" in
    --yes | -y) assume_yes=yes ;;
    --list) printf '%s\n' "${packages[@]}"; exit 0 ;;
    *) say "install-dependencies: unknown option '$argument'; known: --yes, --list"; exit 2 ;;
  esac
done

# The CUDA toolkit is not a package of Debian's main archive, and nothing but scale::cuda needs it.
if ! command -v nvcc > /dev/null && [ ! -x "${CUDA_PATH:-/usr/local/cuda}/bin/nvcc" ]; then
  say "No CUDA toolkit (nvcc) is installed: scale::cuda is left out, everything else is built."
fi

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  say "install-dependencies: this is not Debian or Ubuntu (no apt-get). Install the counterparts of these packages,"
  say "then use cmake --preset release and cmake --build --preset release directly: ${packages[*]}"
  exit 4
fi

missing=()
for package in "${packages[@]}"; do
  status="$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2> /dev/null || true)"
  [ "$status" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  say "All packages are there."
  exit 0
fi
say "To install: ${missing[*]}"

at_terminal=no
if [ -t 0 ] && [ -t 2 ]; then at_terminal=yes; fi
if [ "$assume_yes" = no ] && [ "$at_terminal" = yes ]; then
  read -r -p "Install them with apt-get? [Y/n] " answer
  case "$answer" in
    '' | y | Y | yes | Yes) ;;
    *) say "Nothing was installed."; exit 4 ;;
  esac
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    say "install-dependencies: neither root nor sudo. Ask an administrator to run:"
    say "  apt-get install ${missing[*]}"
    exit 4
  fi
  as_root=(sudo)
  if [ "$at_terminal" = no ]; then as_root=(sudo -n); fi  # nobody is there to type a password
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >&2
}

# One source that cannot be reached does not matter if the others have what is needed.
apt update || say "install-dependencies: apt-get update reported errors; going on with the lists there are"
if ! apt install --yes --no-install-recommends "${missing[@]}"; then
  say "install-dependencies: apt-get could not install: ${missing[*]}"
  exit 4
fi
