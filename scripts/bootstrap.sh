#!/usr/bin/env bash
# Installs what the build needs and is not there: Debian packages, and LibTorch below build/deps.
# CUDA=AUTO|ON|OFF chooses the LibTorch libraries; Torch_DIR names a LibTorch to use instead. PRESET=fuzz takes
# clang, and no LibTorch.
set -euo pipefail
cd "$(dirname "$0")/.."
cuda=${CUDA:-AUTO}

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

packages=(build-essential cmake ninja-build ccache pkg-config python3-venv python3-jsonschema gnuplot-nox
          libfmt-dev libeigen3-dev libbenchmark-dev catch2 libcli11-dev libtomlplusplus-dev
          nlohmann-json3-dev libzip-dev libjpeg62-turbo-dev libpng-dev libwebp-dev libxxhash-dev libutf8proc-dev libgloo-dev)
if [ "${PRESET:-}" = fuzz ]; then packages+=(clang-16 libclang-rt-16-dev llvm-16); fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing Debian packages: ${missing[*]}"
  sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "missing ${missing[*]}: install them as root, or install sudo"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq || say "apt-get update failed; trying with the package lists at hand"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || die "could not install ${missing[*]}: see the message above"
fi

mkdir -p build/deps
if [ -n "${Torch_DIR:-}" ] || [ "${PRESET:-}" = fuzz ]; then exit 0; fi

if [ "$cuda" = AUTO ]; then
  if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then cuda=ON; else cuda=OFF; fi
fi
flavour=cpu; [ "$cuda" = ON ] && flavour=cuda
requirements=scripts/requirements-$flavour.txt
venv=build/deps/libtorch
if ! cmp -s "$requirements" "$venv/installed.txt" && ! cmp -s scripts/requirements-cuda.txt "$venv/installed.txt"; then
  say "installing LibTorch ($flavour) below $venv"
  [ -x "$venv/bin/pip" ] || /usr/bin/python3 -m venv "$venv" || die "python3 -m venv failed: install python3-venv"
  options=(-q --disable-pip-version-check); [ "$flavour" = cpu ] && options+=(--no-deps)
  "$venv/bin/pip" install "${options[@]}" -r "$requirements" || die "could not install LibTorch ($(grep torch== "$requirements")) from PyPI"
  cp "$requirements" "$venv/installed.txt"
fi
