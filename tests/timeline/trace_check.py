#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds a trace (trace.json.gz) to the form that PyTorch's Kineto writes, and to itself: spans of a thread or stream
nest, each flow leads from a call to what the call asked for. With a table (JSON: [{"name", "calls", "total_us"}]) the
sums of what ran on GPUs, by name, equal it. Prints what is wrong, a line each; exit code 1 if anything is.

    trace_check.py trace.json.gz [sums.json]
"""
import gzip
import json
import sys
import zlib
from collections import defaultdict
from decimal import Decimal

ANNOTATIONS = ("user_annotation", "gpu_user_annotation")
CALLS = ("cuda_runtime", "cuda_driver")
COPIES = ("gpu_memcpy", "gpu_memset")
DEVICE = ("kernel", *COPIES)
CATEGORIES = ("cpu_op", "overhead", *ANNOTATIONS, *CALLS, *DEVICE)
METADATA = {"process_name": "name", "process_labels": "labels", "process_sort_index": "sort_index",
            "thread_name": "name", "thread_sort_index": "sort_index"}
PROPERTIES = ("id", "name", "totalGlobalMem", "computeMajor", "computeMinor", "maxThreadsPerBlock",
              "maxThreadsPerMultiprocessor", "regsPerBlock", "warpSize", "sharedMemPerBlock", "numSms",
              "regsPerMultiprocessor", "sharedMemPerBlockOptin", "sharedMemPerMultiprocessor")


def whole(value, least=0):
    return type(value) is int and value >= least


def nanoseconds(value):
    """Of microseconds with at most three decimals; None for all else, below 0 and beyond 30 years."""
    if type(value) not in (int, Decimal) or not 0 <= value < 10**15 or value * 1000 % 1 != 0:
        return None
    return int(value * 1000)


def not_finite(text):
    raise ValueError(f"{text} is no number of JSON")


def read(path):
    with gzip.open(path) as file:
        return json.loads(file.read().decode("utf-8"), parse_float=Decimal, parse_constant=not_finite)


def head_problems(trace):
    sound = {
        "schemaVersion": lambda v: v == 1,
        "deviceProperties": lambda v: isinstance(v, list) and all(isinstance(d, dict) and set(PROPERTIES) <= set(d) for d in v),
        "distributedInfo": lambda v: isinstance(v, dict) and whole(v.get("rank")) and whole(v.get("world_size"), v["rank"] + 1),
        "displayTimeUnit": lambda v: v in ("ms", "ns"),
        "baseTimeNanoseconds": lambda v: type(v) is int,
        "traceEvents": lambda v: isinstance(v, list) and all(isinstance(event, dict) for event in v),
    }
    for key, is_sound in sound.items():
        if key not in trace or not is_sound(trace[key]):
            yield f"{key}: missing or wrong: {str(trace.get(key))[:80]}"


def args_problem(event):
    args, category = event["args"], event["cat"]
    wanted = ["External id"] if "External id" in args else []
    if category in DEVICE:
        wanted += ["device", "stream", "correlation"]
        wanted += ["bytes"] if category in COPIES else ["registers per thread", "shared memory", "est. achieved occupancy %"]
    if category in CALLS and not whole(args.get("correlation", 1), 1):
        return '"correlation" of a call is no whole number above 0'
    for key in wanted:
        if not whole(args.get(key)):
            return f'"{key}" is missing or no whole number'
    for key in ("grid", "block") if category == "kernel" else ():
        if not (isinstance(args.get(key), list) and len(args[key]) == 3 and all(map(whole, args[key]))):
            return f'"{key}" is not three whole numbers'
    if category == "kernel" and args["est. achieved occupancy %"] > 100:
        return "an occupancy above 100 %"
    if category in DEVICE and args["device"] != event["pid"]:
        return "of another device than its pid"
    return None


def event_problem(event):
    phase = event.get("ph")
    if phase not in ("X", "M", "s", "f", "i"):
        return f"phase {phase}"
    if not isinstance(event.get("name"), str):
        return "no name"
    if nanoseconds(event.get("ts")) is None:
        return f"ts {event.get('ts')}"
    if phase != "i" and not (whole(event.get("pid")) and whole(event.get("tid"))):
        return "pid or tid is no whole number"
    if phase in "XM" and not isinstance(event.get("args"), dict):
        return "no args"
    if phase == "M":
        key = METADATA.get(event["name"])
        return None if key in event["args"] else "metadata that Kineto does not have, or without its value"
    if phase in "sf":
        sound = whole(event.get("id"), 1) and event.get("cat") == event["name"] == "ac2g"
        return None if sound and (event.get("bp") == "e") == (phase == "f") else "a flow without id, ac2g or binding"
    if phase == "X":
        if event.get("cat") not in CATEGORIES:
            return f"category {event.get('cat')}"
        if nanoseconds(event.get("dur")) is None:
            return f"dur {event.get('dur')}"
        return args_problem(event)
    return None


def interval(event):
    begin = nanoseconds(event["ts"])
    return begin, begin + nanoseconds(event["dur"])


def nesting_problems(spans):
    rows = defaultdict(list)
    for span in spans:
        rows[span["pid"], span["tid"]].append(interval(span))
    for (pid, tid), intervals in rows.items():
        around = []
        for begin, end in sorted(intervals, key=lambda at: (at[0], -at[1])):
            while around and around[-1] <= begin:
                around.pop()
            if around and around[-1] < end:
                yield f"pid {pid}, tid {tid}: the span at {begin} ns overlaps another one that ends at {around[-1]} ns"
            around.append(end)


def name_problems(events, spans):
    named = {(e["name"], e["pid"], e["tid"] if e["name"].startswith("thread") else 0) for e in events if e["ph"] == "M"}
    for pid, tid in sorted({(span["pid"], span["tid"]) for span in spans}):
        for name in METADATA:
            if (name, pid, tid if name.startswith("thread") else 0) not in named:
                yield f"pid {pid}, tid {tid}: no {name}"


def flow_problems(events, spans):
    ends = {"s": defaultdict(list), "f": defaultdict(list)}
    for event in events:
        if event["ph"] in "sf":
            ends[event["ph"]][event["id"]].append((event["pid"], event["tid"], nanoseconds(event["ts"])))
    places = {"s": defaultdict(set), "f": defaultdict(set)}
    for span in spans:
        if span["cat"] in CALLS + DEVICE:
            side = places["s" if span["cat"] in CALLS else "f"]
            side[span["args"].get("correlation", 0)].add((span["pid"], span["tid"], nanoseconds(span["ts"])))
    linked = (set(places["s"]) & set(places["f"])) - {0}
    for flow in sorted(linked | set(ends["s"]) | set(ends["f"])):
        for phase, what in (("s", "begin"), ("f", "end")):
            if len(ends[phase][flow]) != 1:
                yield f"flow {flow}: {len(ends[phase][flow])} {what}s"
            elif ends[phase][flow][0] not in places[phase][flow]:
                yield f"flow {flow}: its {what} is at no span with that correlation"


def sum_problems(spans, table):
    sums = defaultdict(lambda: [0, 0])
    for span in spans:
        if span["cat"] in DEVICE:
            sums[span["name"]][0] += 1
            sums[span["name"]][1] += nanoseconds(span["dur"])
    wanted = {row["name"]: [row["calls"], round(row["total_us"] * 1000)] for row in table}
    for name in sorted(set(sums) | set(wanted)):
        if list(sums[name]) != wanted.get(name, [0, 0]):
            yield f"{name!r}: (calls, ns) {sums[name]}, the table has {wanted.get(name)}"


def problems(path, sums_path=None):
    """What is wrong with the file, a line each."""
    try:
        trace = read(path)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        return [f"cannot be read: {error}"]
    if not isinstance(trace, dict):
        return ["no object of JSON"]
    found = list(head_problems(trace))
    if found:
        return found
    events = trace["traceEvents"]
    found = [f"event {i}: {problem}" for i, event in enumerate(events) if (problem := event_problem(event))]
    if found:
        return found
    spans = [event for event in events if event["ph"] == "X"]
    found = [*nesting_problems(spans), *name_problems(events, spans), *flow_problems(events, spans)]
    if [e["name"] for e in events if e["ph"] == "i"] != ["Record Window End"]:
        found.append("not one Record Window End")
    if sums_path:
        with open(sums_path, encoding="utf-8") as file:
            found += sum_problems(spans, json.load(file))
    return found


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    found = problems(*sys.argv[1:])
    for problem in found:
        print(f"{sys.argv[1]}: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
