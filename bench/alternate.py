#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a change slower? Runs the benchmarks of two builds in alternation and prints the ratio of their times.

    bench/alternate.py BASE/dydit_bench build/release/bench/dydit_bench --filter '^forward/.*model:S-4'

Each round runs both programs once, in random order, so that what disturbs the machine disturbs both alike. The ratio is
candidate / base within a round; the table has its median over the rounds and the interval of the median from order
statistics (at least 95 % from six rounds on). Wants an otherwise idle machine. A program beside itself, over many rounds,
shows whether the comparison tells differences that are not there.
"""

import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys


def times_of(program, pattern):
    command = [program, f"--benchmark_filter={pattern}", "--benchmark_format=json"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"alternate: {program} failed: {result.stderr.strip().splitlines()[-1:]}")
    rows = json.loads(result.stdout)["benchmarks"]
    for row in rows:
        if row.get("error_occurred"):
            sys.exit(f"alternate: {program}: {row['name']}: {row['error_message']}")
    return {row["name"]: row["real_time"] for row in rows if row.get("run_type") != "aggregate" and "real_time" in row}


def median_with_interval(samples):
    """The sorted samples k and n - 1 - k enclose the median with 1 - 2 P(X <= k), X binomial (n, 1/2)."""
    ordered, n = sorted(samples), len(samples)
    k, below = -1, 0.0
    while 2 * (below + math.comb(n, k + 1) / 2**n) <= 0.05:
        k += 1
        below += math.comb(n, k) / 2**n
    interval = (ordered[k], ordered[n - 1 - k]) if k >= 0 else (math.nan, math.nan)
    return statistics.median(ordered), *interval


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="dydit_bench before the change")
    parser.add_argument("candidate", help="dydit_bench after it")
    parser.add_argument("--filter", default="^(forward|train_step)/", help="regular expression of benchmarks")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=pathlib.Path, help="file for the times, a row for each benchmark")
    options = parser.parse_args()

    programs = {"base": options.base, "candidate": options.candidate}
    rounds = []
    for number in range(options.rounds):
        order = random.sample(list(programs), 2)
        rounds.append({side: times_of(programs[side], options.filter) for side in order})
        print(f"\rround {number + 1} of {options.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    names = [name for name in rounds[0]["base"] if all(name in side for both in rounds for side in both.values())]
    if not names:
        sys.exit("alternate: the two programs have no benchmark of that name in common")
    width = max(map(len, names))
    print(f"{'benchmark':{width}} {'base':>9} {'candidate':>9}  ratio")
    rows = []
    for name in names:
        base, candidate = ([both[side][name] for both in rounds] for side in programs)
        ratio, low, high = median_with_interval([c / b for b, c in zip(base, candidate)])
        print(f"{name:{width}} {statistics.median(base):9.2f} {statistics.median(candidate):9.2f}  {ratio:.3f} [{low:.3f}, {high:.3f}]")
        rows.append({"benchmark": name, "rounds": len(rounds), "ratio": ratio, "ratio_low": low, "ratio_high": high,
                     "base": base, "candidate": candidate})
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
