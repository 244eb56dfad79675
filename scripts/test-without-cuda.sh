#!/usr/bin/env bash
# Builds and tests with CUDA=OFF as on a machine without a CUDA toolkit: in a mount namespace of its own, where
# every toolkit is an empty folder and nvcc is not on the path. Needs root. LibTorch's wheel stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != hidden ]; then
  CUDA=OFF scripts/bootstrap.sh
  unshare --mount true || { echo "test-without-cuda: needs root, for a mount namespace" >&2; exit 1; }
  exec unshare --mount -- "$0" hidden
fi

empty=$(mktemp -d)
trap 'rmdir "$empty"' EXIT
for toolkit in /usr/local/cuda* /usr/lib/cuda /opt/cuda; do
  if [ -d "$toolkit" ] && [ ! -L "$toolkit" ]; then mount --bind "$empty" "$toolkit"; fi
done
if nvcc --version >/dev/null 2>&1; then
  echo "test-without-cuda: $(command -v nvcc) still works: another toolkit is installed" >&2
  exit 1
fi
unset CUDA_HOME CUDA_PATH CUDACXX

build=build/without-cuda
cmake --preset release -B $build -DDYDIT_CUDA=OFF >/dev/null
cmake --build $build -j "${JOBS:-$(nproc)}"
if ldd $build/dydit | grep -E 'libtorch_cuda|libc10_cuda'; then
  echo "test-without-cuda: the program links CUDA" >&2
  exit 1
fi
ctest --test-dir $build --output-on-failure -j 2
