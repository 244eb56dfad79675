#!/usr/bin/env bash
# Copies a run directory with its page to reports/NAME: manifest, records, page, and of each figure its CSV and script.
# Pictures come along where README.md or docs/ show them; tensors stay behind (CONTRIBUTING.md says why).
set -euo pipefail
die() { printf 'record-report: %s\n' "$*" >&2; exit 2; }
[ $# = 2 ] || die "usage: scripts/record-report.sh RUN NAME, as in: scripts/record-report.sh runs/quick-1 quick"
run=$1 report=$(dirname "$0")/../reports/$2
[ -f "$run/index.html" ] || die "$run has no page: run build/dydit report $run first"

rm -rf "$report"
mkdir -p "$report/figures"
cp "$run"/{manifest.json,results.jsonl,index.html} "$report"
cp "$run"/figures/*.csv "$run"/figures/*.gp "$report/figures"
cd "$(dirname "$0")/.."
{ grep -rhoE "reports/$2/figures/[^) \"]*\.(png|svg)" README.md docs || true; } | sort -u | while read -r picture; do
  from=$run/figures/$(basename "$picture")
  [[ $from = /* ]] || from=$OLDPWD/$from
  if [ -f "$from" ]; then cp "$from" "$picture"; else die "README.md or docs/ show $picture, which the run has not"; fi
done
