#!/usr/bin/env bash
# Copies a run directory with its page to reports/NAME: manifest, records, page, and of each figure its CSV and script.
# Pictures come along where README.md or docs/ show them; tensors stay behind (CONTRIBUTING.md says why).
set -euo pipefail
die() { printf 'record-report: %s\n' "$*" >&2; exit 2; }
[ $# = 2 ] || die "usage: scripts/record-report.sh RUN NAME, as in: scripts/record-report.sh runs/quick-1 quick"
run=$1
[ -f "$run/index.html" ] || die "$run has no page: run build/dydit report $run first"

cd "$(dirname "$0")/.."
[[ $run = /* ]] || run=$OLDPWD/$run
report=reports/$2
pictures=$({ grep -rhoE "$report/figures/[^) \"]*\.(png|svg)" README.md docs || true; } | sort -u)
for picture in $pictures; do
  [ -f "$run/figures/$(basename "$picture")" ] || die "README.md or docs/ show $picture, which the run has not"
done

rm -rf "$report"
mkdir -p "$report/figures"
cp "$run"/{manifest.json,results.jsonl,index.html} "$report"
cp "$run"/figures/*.csv "$run"/figures/*.gp "$report/figures"
for picture in $pictures; do cp "$run/figures/$(basename "$picture")" "$picture"; done
