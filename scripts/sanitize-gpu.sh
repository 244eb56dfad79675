#!/usr/bin/env bash
# Runs the tests of the GPU's kernels under compute-sanitizer, one tool after another, a line for each:
# scripts/sanitize-gpu.sh [TOOL...]. PRESET=release and LIMIT=900, seconds of a tool, can be set; FILTER are the tests.
# Logs are in build/PRESET/sanitize. Exit code 1 where a tool found something, or did not come to its end.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/${PRESET:-release} limit=${LIMIT:-900} filter=${FILTER:-[kernels]}
program=$build/tests/test_gpu logs=$build/sanitize
[ $# -gt 0 ] || set -- memcheck initcheck synccheck racecheck

say() { printf 'sanitize-gpu: %s\n' "$*"; }
nvidia-smi -L > /dev/null 2>&1 || { say "skipped: no GPU"; exit 0; }
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null) \
  || { say "compute-sanitizer is missing: install it with the CUDA toolkit, or put it on PATH" >&2; exit 2; }
# From this version on it knows what Hopper's bulk copies and kernels that it passes over wrote, and follows barriers.
known=2026.4 version=$("$sanitizer" --version | grep -oE 'Version [0-9.]+' | head -1 | cut -d' ' -f2 || true)
[ "$(printf '%s\n' "$known" "$version" | sort -V | head -1)" = "$known" ] \
  || { say "$sanitizer is version ${version:-unknown}: take $known or later (CUDA 13.5, pip's nvidia-cuda-sanitizer-api)" >&2; exit 2; }
[ -x "$program" ] || { say "$program is missing: run cmake --build $build --target test_gpu" >&2; exit 2; }

mkdir -p "$logs"
failed=0
for tool in "$@"; do
  options=(--tool "$tool" --error-exitcode 99 --kernel-name kernel_substring=dydit)
  log=$logs/$tool.log begin=$SECONDS code=0
  # Each tensor in memory of its own, so that what is beyond one is nobody's.
  PYTORCH_NO_CUDA_MEMORY_CACHING=1 timeout "$limit" "$sanitizer" "${options[@]}" "$program" "$filter" \
    > "$log" 2>&1 || code=$?
  if grep -q "skipped: no GPU" "$log"; then
    say "skipped: no GPU of compute capability 9.0"
    exit 0
  fi
  summary=$(grep -o "[A-Z]* SUMMARY: .*" "$log" | tail -1) || summary="no summary"
  tests=$(grep -E "All tests passed|test cases:" "$log" | tail -1) || tests="the tests did not end"
  case $code in
    0) verdict=clean ;;
    124) verdict="not done after $limit s" ;;
    *) verdict="exit code $code" ;;
  esac
  say "$tool: $verdict, $summary; $tests; $((SECONDS - begin)) s; $log"
  # Without a summary nothing was checked.
  [ "$code" = 0 ] && [ "$summary" != "no summary" ] || failed=1
done
exit $failed
