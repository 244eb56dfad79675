#!/usr/bin/env bash
# Runs fuzzers one after another: scripts/fuzz.sh SECONDS WORKERS [NAME...]. The first finding ends the run; the
# input is then in build/fuzz/findings, and `build/fuzz/tests/fuzz/fuzz_NAME INPUT` reads it again. What was
# learnt stays in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 workers=$2
shift 2
[ $# -gt 0 ] || set -- torch safetensors images npz profile records report results timeline

TMPDIR=$(mktemp -d /dev/shm/dydit-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
python3 tests/fuzz/make_seeds.py build/fuzz/seeds
for name in "$@"; do
  mkdir -p "build/fuzz/corpus/$name" build/fuzz/findings
  echo "fuzz: $name for $seconds s on $workers workers"
  build/fuzz/tests/fuzz/fuzz_"$name" -fork="$workers" -print_funcs=0 -max_total_time="$seconds" -max_len=65536 \
    -timeout=10 -ignore_timeouts=0 -rss_limit_mb=2048 -ignore_ooms=0 -malloc_limit_mb=512 \
    -dict="tests/fuzz/$name.dict" -artifact_prefix="build/fuzz/findings/$name-" \
    "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" 2>&1 | grep --line-buffered -v NEW_FUNC
done
