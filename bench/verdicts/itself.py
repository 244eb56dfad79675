#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The project against itself, the same program on both sides: how much each benchmark varies and what its verdict is.

    dydit compare BASE CANDIDATE --json > xeon.json
    bench/verdicts/itself.py xeon=xeon.json h200=h200.json   # -> reports/verdicts/figures/itself.csv
"""
import argparse
import json
import math
import statistics
from pathlib import Path

from prove import ROOT, save


def row(machine, one):
    sides = [[math.log(seconds) for seconds in one["seconds"][side]] for side in ("base", "candidate")]
    return {"machine": machine, "benchmark": one["name"], "runs": min(map(len, sides)),
            "spread": math.sqrt(statistics.fmean(map(statistics.variance, sides))), "ratio": one["ratio"],
            "verdict": one["verdict"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verdicts", nargs="+", metavar="MACHINE=JSON")
    rows = []
    for machine, path in (one.split("=", 1) for one in parser.parse_args().verdicts):
        rows += [row(machine, one) for one in json.loads(Path(path).read_text())["benchmarks"]]
    save(ROOT / "reports/verdicts/figures", "itself", rows)


if __name__ == "__main__":
    main()
