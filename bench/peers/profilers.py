#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds our collector against PyTorch's profiler: the same passes of the same program on a GPU, in a process each, in
alternation. Both have to name the same kernels, each as often; compared is the time of all of them, and what passes take
longer under each.

    bench/peers/profilers.py build/release/bench/dydit_profiler --json reports/peers/h200-profilers.json

Exit code 1 where kernels or counts differ, or a median ratio of the totals is further than 3 % from 1.
"""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys

WORK = ("DiT-B/2:16", "DyDiT-B/2:16", "DiT-XL/2:64")
SIDES = ("ours", "pytorch")


def seen(program, side, passes):
    command = [program, side, str(passes), *WORK]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"profilers: {' '.join(command)}: {result.stderr.strip().splitlines()[-1:]}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def differences(a, b):
    """Of two counts by name."""
    return {name: [a.get(name, {}).get("calls", 0), b.get(name, {}).get("calls", 0)]
            for name in sorted(a.keys() | b.keys())
            if a.get(name, {}).get("calls") != b.get(name, {}).get("calls")}


def compare(work, runs, passes):
    """`runs`: of each round what both sides saw."""
    model, batch = work.split(":")
    seconds = {side: [sum(one["seconds"] for one in run[side]["kernels"].values()) for run in runs] for side in SIDES}
    slower = {side: [run[side]["wall"] / run[side]["alone"] for run in runs] for side in SIDES}
    ratios = [ours / theirs for ours, theirs in zip(seconds["ours"], seconds["pytorch"])]
    differ = {}
    for run in runs:
        differ |= differences(run["ours"]["kernels"], run["pytorch"]["kernels"])
    first = runs[0]["ours"]["kernels"]
    return {"model": model, "batch": int(batch), "passes": passes, "kernels": len(first),
            "calls": sum(one["calls"] for one in first.values()), "differ": differ,
            "milliseconds": {side: [1e3 * one / (passes + 1) for one in seconds[side]] for side in SIDES},
            "ratios": ratios, "ratio": statistics.median(ratios),
            "alone": statistics.median(1e3 * run[side]["alone"] / passes for run in runs for side in SIDES),
            "slower": {side: statistics.median(slower[side]) for side in SIDES}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="dydit_profiler")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path, help="file for the runs")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        order = random.sample(SIDES, 2)
        rounds.append({side: seen(options.program, side, options.passes) for side in order})
        print(f"\rround {number + 1} of {options.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = []
    for i, work in enumerate(WORK):
        rows.append(row := compare(work, [{side: one[side][i] for side in SIDES} for one in rounds], options.passes))
        print(f"{work}: {row['kernels']} kernels, {row['calls']} calls, {len(row['differ'])} differ; "
              f"ours / PyTorch's {row['ratio']:.4f} [{min(row['ratios']):.4f}, {max(row['ratios']):.4f}]; "
              f"passes take {row['slower']['ours']:.3f} and {row['slower']['pytorch']:.3f} times as long")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return int(any(row["differ"] or abs(row["ratio"] - 1) > 0.03 for row in rows))


if __name__ == "__main__":
    sys.exit(main())
