#!/usr/bin/env bash
# Whether the working tree is slower than another commit: builds that commit beside it, then runs profiles/ci.toml of both
# in turns until there is a verdict (docs/regressions.md):
#   scripts/compare-commits.sh BASE [OPTION of dydit compare...]
# Exit code 1 where something is slower. PROFILE names another profile, JOBS the compile jobs.
set -euo pipefail
die() { printf 'compare-commits: %s\n' "$*" >&2; exit 2; }
[ $# -gt 0 ] || die "usage: scripts/compare-commits.sh BASE [OPTION...], as in: scripts/compare-commits.sh origin/main --budget 300"
cd "$(dirname "$0")/.."
base=$(git rev-parse --verify --quiet "$1^{commit}") || die "$1 is no commit of this repository"
shift
profile=${PROFILE:-profiles/ci.toml}
jobs=${JOBS:-$(nproc)}
beside=build/base/${base:0:12}

make build JOBS="$jobs"
if [ ! -x "$beside/build/dydit" ]; then
  git worktree prune
  [ -d "$beside" ] || git worktree add --quiet --detach "$beside" "$base"
  mkdir -p "$beside/build"
  # LibTorch, where both take the same.
  if cmp -s scripts/requirements-cpu.txt "$beside/scripts/requirements-cpu.txt" \
      && cmp -s scripts/requirements-cuda.txt "$beside/scripts/requirements-cuda.txt"; then
    ln -sfn "$PWD/build/deps" "$beside/build/deps"
  fi
  make -C "$beside" build JOBS="$jobs"
fi
# What was collected of another build or profile is not this one's.
of=$(cat build/dydit "$profile" | sha256sum | cut -c1-8)
exec build/dydit compare --collect "$beside/build/dydit sweep $profile --quiet --out {out}" \
  "build/dydit sweep $profile --quiet --out {out}" --out "runs/compare-${base:0:12}-$of" "$@"
