#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges resampled comparisons as other projects' tools do, by their own code and at their own defaults:

    bench/verdicts/peers.py install
    bench/verdicts/peers.py google suites.jsonl google.jsonl

A line of suites.jsonl is {"base": {benchmark: [ns of each process run]}, "candidate": {the same}}; its line of the
output is {benchmark: "slower", "faster" or "same"}. What a tool leaves undecided is "same": nobody is told of a change.
"""
import argparse
import contextlib
import dataclasses
import json
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2] / "build/peers"
DEBIAN = "libbenchmark-tools=1.7.1-1"
PACKAGES = {"python": ["numpy==2.4.6", "scipy==1.17.1"],
            "nvbench": ["cuda-bench==0.3.0"],
            "asv": ["asv==0.6.6", "asv_runner==0.3.2", "json5==0.14.0", "tabulate==0.10.0", "importlib_metadata==8.7.1",
                    "zipp==3.23.0"]}


def install():
    (ROOT / "google").mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", DEBIAN], cwd=ROOT, check=True)
    for package in ROOT.glob("libbenchmark-tools_*.deb"):
        subprocess.run(["dpkg", "-x", package, ROOT / "google"], check=True)
    for folder, packages in PACKAGES.items():  # without what they depend on: no more than the comparisons import
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target",
                        ROOT / folder, *packages], check=True)


def seconds(times):
    return [1e-9 * ns for ns in times]


def google():
    """The U test of compare.py. Each process run is a repetition, as in files that users merge."""
    import compare
    from gbench import report
    alpha = compare.create_parser().get_default("utest_alpha")

    def side(times):
        common = {"name": "one", "run_type": "iteration", "repetitions": len(times), "time_unit": "ns"}
        return {"benchmarks": [{**common, "repetition_index": index, "real_time": ns, "cpu_time": ns}
                               for index, ns in enumerate(times)]}

    def judge(base, candidate):
        # Of one benchmark alone: then the difference of geometric means that it reports over all is this one's.
        one, overall = report.get_difference_report(side(base), side(candidate), utest=True)
        if not one["utest"] or one["utest"]["time_pvalue"] >= alpha:
            return "same"
        return "slower" if overall["measurements"][0]["time"] > 0 else "faster"

    return judge


NVBENCH = {"SLOW": "slower", "FAST": "faster", "SAME": "same", "AMBG": "same", "????": "same"}


def nvbench():
    """nvbench-compare-legacy. Each process run is a sample."""
    import nvbench_compare as tool
    tables = []  # it prints its verdicts and returns none
    tool.tabulate = SimpleNamespace(tabulate=lambda rows, **_: tables.append(rows))
    tool.all_ref_devices = tool.all_cmp_devices = [{"id": 0, "name": "device"}]

    def summary(tag, value):  # NVBench writes numbers as text
        return {"tag": "nv/cold/time/gpu/" + tag,
                "data": [{"name": "value", "type": "float64", "value": None if value is None else repr(value)}]}

    def side(times):
        mean = statistics.fmean(times)
        noise = statistics.stdev(times) / mean if len(times) >= 5 else None  # of fewer samples NVBench gives none
        return [{"name": "one", "devices": [0], "axes": None,
                 "states": [{"name": "Device=0", "device": 0, "axis_values": None,
                             "summaries": [summary("mean", mean), summary("stdev/relative", noise)]}]}]

    def judge(base, candidate):
        with contextlib.redirect_stdout(None):
            tool.compare_benches(side(seconds(base)), side(seconds(candidate)), threshold=0.0, plot_along=None,
                                 plot=False, dark=False, axis_filters=[], benchmark_filters=[], no_color=True)
        [[*_, status]] = tables.pop()
        return NVBENCH[status.split()[-1]]

    return judge


def nvbench_robust():
    """nvbench-compare-robust. Each process run is a sample."""
    import nvbench_compare_robust as tool
    tool.load_nvbench_compare_tooling(load_color=False)

    def side(times):  # at a steady clock: it calls nothing slower or faster without one
        return dataclasses.replace(tool.make_empty_gpu_timing_data(), sm_clock_rate_mean=1e9,
                                   sample_source=SimpleNamespace(values=seconds(times)))

    return lambda base, candidate: NVBENCH[tool.compare_gpu_timings(side(base), side(candidate)).status.value]


def asv(factor=None):
    """asv compare of results whose samples were recorded, as asv continuous does."""
    from asv.commands import common_args, compare
    from asv_runner.statistics import compute_stats
    parser = argparse.ArgumentParser()
    common_args.add_compare(parser)
    factor = factor or parser.get_default("factor")

    def side(times):
        median, stats = compute_stats(times, 1)
        return median, (stats, times)

    def judge(base, candidate):
        (old, old_samples), (new, new_samples) = side(seconds(base)), side(seconds(candidate))
        if compare._is_result_better(new, old, new_samples, old_samples, factor):
            return "faster"
        return "slower" if compare._is_result_better(old, new, old_samples, new_samples, factor) else "same"

    return judge


NVBENCH_SCRIPTS = "nvbench/cuda/bench/scripts"
PEERS = {"google": (google, "google/usr/share/benchmark", "python"),
         "nvbench": (nvbench, NVBENCH_SCRIPTS),
         "nvbench-robust": (nvbench_robust, NVBENCH_SCRIPTS, "python"),
         "asv": (asv, "asv"),
         "asv-1.01": (lambda: asv(1.01), "asv")}  # our threshold


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="peer", required=True)
    commands.add_parser("install", help="puts the tools below build/peers")
    for peer, (make, *_) in PEERS.items():
        command = commands.add_parser(peer, help=make.__doc__)
        command.add_argument("suites", type=Path)
        command.add_argument("verdicts", type=Path)
    arguments = parser.parse_args()
    if arguments.peer == "install":
        return install()
    make, *folders = PEERS[arguments.peer]
    sys.path[:0] = [str(ROOT / folder) for folder in folders]
    judge = make()
    with arguments.suites.open() as suites, arguments.verdicts.open("w") as verdicts:
        for suite in map(json.loads, suites):
            base, candidate = suite["base"], suite["candidate"]
            verdicts.write(json.dumps({one: judge(base[one], candidate[one]) for one in base}) + "\n")


if __name__ == "__main__":
    main()
