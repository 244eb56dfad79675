#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs bench/dydit_pool many times and keeps of each process run the time of every repetition:

    bench/verdicts/collect.py build/release/bench/dydit_pool build/verdicts/pool.jsonl --runs 3000

One line for a run: {"start", "load" (of the last minute), "times": {benchmark: [ns of each repetition]}}. Goes on where it was
stopped. Nothing is left out: what else the machine does meanwhile is part of the pool.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OPTIONS = ["--benchmark_min_time=0.001", "--benchmark_repetitions=5", "--benchmark_enable_random_interleaving=true",
           "--benchmark_out_format=json"]


def one_run(program):
    start, load = time.time(), os.getloadavg()[0]
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([program, *OPTIONS, "--benchmark_out=" + out.name], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        benchmarks = json.loads(Path(out.name).read_text())["benchmarks"]
    times = {}
    for one in benchmarks:
        if one["run_type"] == "iteration":
            times.setdefault(one["run_name"], []).append(float(f"{one['real_time']:.6g}"))
    return {"start": round(start, 1), "load": round(load, 2), "times": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("pool", type=Path)
    parser.add_argument("--runs", type=int, default=3000)
    arguments = parser.parse_args()
    arguments.pool.parent.mkdir(parents=True, exist_ok=True)
    done = len(arguments.pool.read_text().splitlines()) if arguments.pool.exists() else 0
    with arguments.pool.open("a") as pool:
        for run in range(done, arguments.runs):
            pool.write(json.dumps(one_run(arguments.program), separators=(",", ":")) + "\n")
            pool.flush()
            if sys.stderr.isatty() or run % 100 == 99:
                print(f"\r{run + 1}/{arguments.runs} runs", end="" if sys.stderr.isatty() else "\n", file=sys.stderr)


if __name__ == "__main__":
    main()
