#!/usr/bin/env bash
# Reads every input that the fuzzers kept (build/fuzz/corpus) and every seed once more, with counters for lines:
# scripts/fuzz-coverage.sh JOBS
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/fuzz-coverage
TMPDIR=$(mktemp -d /dev/shm/dydit-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

cmake --preset fuzz -B $build -DCMAKE_CXX_FLAGS="-fprofile-instr-generate -fcoverage-mapping" >/dev/null
cmake --build $build -j "$1" >/dev/null
python3 tests/fuzz/make_seeds.py build/fuzz/seeds
objects=()
for fuzzer in $build/tests/fuzz/fuzz_*; do
  name=${fuzzer##*fuzz_}
  mkdir -p "build/fuzz/corpus/$name"
  LLVM_PROFILE_FILE=$build/$name.profraw "$fuzzer" -runs=0 -max_len=65536 "build/fuzz/corpus/$name" "build/fuzz/seeds/$name" \
    >/dev/null 2>&1
  objects+=(-object "$fuzzer")
done
llvm-profdata-16 merge -o $build/all.profdata $build/*.profraw
llvm-cov-16 report -instr-profile=$build/all.profdata "${objects[@]:1}" -ignore-filename-regex='^/usr|tests/' \
  | awk 'NF == 13 { print $1, "lines", $8, "missed", $9, "covered", $10 }' | column -t
