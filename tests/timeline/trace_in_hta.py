#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holistic Trace Analysis reads a trace and finds the table's sums by name of what ran on GPUs (PyPI:
holistictraceanalysis). Exit code 1 where it does not, 77 where it is not installed.

    trace_in_hta.py trace.json.gz sums.json
"""
import json
import os
import sys

os.environ["HTA_DISABLE_NS_ROUNDING"] = "1"  # else it rounds begins and ends to microseconds
try:
    import hta.trace_analysis
except ModuleNotFoundError as error:
    print(f"not held against Holistic Trace Analysis: {error}")
    sys.exit(77)


def main(path, sums_path):
    with open(sums_path, encoding="utf-8") as file:
        table = {row["name"]: row for row in json.load(file)}
    analysis = hta.trace_analysis.TraceAnalysis(trace_files={0: path})
    _, kernels = analysis.get_gpu_kernel_breakdown(visualize=False, duration_ratio=1.0, num_kernels=10**6)
    spans = analysis.t.get_trace(0)
    symbols = analysis.t.symbol_table.get_sym_table()
    on_gpu = spans[spans["stream"] != -1]
    calls = on_gpu["name"].map(lambda index: symbols[index]).value_counts().to_dict()
    sums = dict(zip(kernels["name"], kernels["sum (us)"]))
    wrong = 0
    for name in sorted(set(sums) | set(table)):
        total, row = sums.get(name, 0), table.get(name, {"calls": 0, "total_us": 0})
        same = calls.get(name) == row["calls"] and abs(total - row["total_us"]) < 1e-6 * max(1, row["total_us"])
        wrong += not same
        print(f"{'same' if same else 'WRONG'}: {name!r}: {calls.get(name)} calls, {total} us; the table has {row}")
    linked = int((on_gpu["index_correlation"] > 0).sum())
    print(f"{len(on_gpu)} spans on GPUs, {linked} with their call; annotations on GPUs:")
    print(analysis.get_gpu_user_annotation_breakdown(visualize=False, duration_ratio=1.0))
    return 1 if wrong or linked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
