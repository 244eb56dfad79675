#!/usr/bin/env bash
# The rule of CONTRIBUTING.md: what is tracked weighs at most 40 MB, reports at most 15, and a report holds neither
# tensors, nor large data, nor pictures and pages that nothing shows. Exit code 77: not a git checkout, so nothing is tracked.
set -euo pipefail
cd "$(dirname "$0")/../.."
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || exit 77

failed=0
complain() { printf '%s\n' "$*" >&2; failed=1; }
weight() { git ls-files -z -- "$@" | xargs -0 du -cb -- | awk 'END { print $1 }'; }

limit() {  # megabytes, then paths
  local most=$1 bytes; shift
  bytes=$(weight "$@")
  [ "$bytes" -le $((most * 1000000)) ] || complain "tracked files below $* weigh $bytes bytes, more than $most MB"
}
limit 40 .
limit 15 reports

for file in $(git ls-files -- reports); do
  case $file in
    reports/*/figures/*.csv)
      [ "$(weight "$file")" -le 100000 ] || complain "$file is larger than 100 kB" ;;
    reports/*/manifest.json|reports/*/results.jsonl|reports/*/figures/*.gp) ;;
    reports/peers/*.json|reports/verdicts/proof.json) ;;
    *.png|*.svg|reports/*/index.html)
      grep -rqF "$file" README.md docs || complain "$file is a picture or a page that neither README.md nor docs/ show" ;;
    *) complain "$file does not belong to a recorded report" ;;
  esac
done
exit $failed
