#!/usr/bin/env bash
# Copies a run directory with its figures to reports/NAME: manifest, records, and of each figure its CSV and script; or
# the figures of several runs, with the manifest and the records of each in a folder of its own.
# Pictures come along where README.md or docs/ show them, the page where they link it; tensors, and data of more than
# 100 kB, stay behind (CONTRIBUTING.md says why).
set -euo pipefail
die() { printf 'record-report: %s\n' "$*" >&2; exit 2; }
[ $# -ge 2 ] || die "usage: scripts/record-report.sh PAGE NAME [RUN...], as in: scripts/record-report.sh runs/quick-1 quick"
page=$(realpath -- "$1") name=$2
shift 2
[ -f "$page/index.html" ] || die "$page has no page: build/dydit report writes it"
[ $# -gt 0 ] || [ -f "$page/manifest.json" ] || die "$page is the page of several runs: name them behind $name"
runs=()
for run in "$@"; do
  [ -f "$run/manifest.json" ] || die "$run is no run directory"
  runs+=("$(realpath -- "$run")")
done

cd "$(dirname "$0")/.."
report=reports/$name
pictures=$({ grep -rhoE "$report/figures/[^) \"]*\.(png|svg)" README.md docs || true; } | sort -u)
for picture in $pictures; do
  [ -f "$page/figures/$(basename "$picture")" ] || die "README.md or docs/ show $picture, which the page has not"
done

rm -rf "$report"
mkdir -p "$report/figures"
if grep -rqF "$report/index.html" README.md docs; then cp "$page/index.html" "$report"; fi
if [ ${#runs[@]} = 0 ]; then cp "$page"/{manifest.json,results.jsonl} "$report"; fi
for run in "${runs[@]}"; do
  mkdir "$report/$(basename "$run")"
  cp "$run"/{manifest.json,results.jsonl} "$report/$(basename "$run")"
done
for data in "$page"/figures/*.csv; do
  [ "$(stat -c %s "$data")" -gt 100000 ] || cp "$data" "${data%.csv}.gp" "$report/figures"
done
for picture in $pictures; do cp "$page/figures/$(basename "$picture")" "$picture"; done
