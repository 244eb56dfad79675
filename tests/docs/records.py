# SPDX-License-Identifier: Apache-2.0
"""Tables of recorded reports, each a list of rows, each row a dict from names to numbers or texts:

    quick/loss-gap.csv          a figure's numbers; a waterfall becomes one row for each model at work, its bars by name
    quick/speed                 the good records of a study: axes and metrics
    h200-flow/flow/speed        the same, where a report has several runs
    quick/models                the models as the manifest has them, nested names joined: trained_steps
    peers/xeon-float32.json     what bench/peers/compare.py wrote: our time (ms), eager and compile over it
    peers/h200-engines-64.json  what bench/peers/engines.py wrote: a side's time (ms), and over that of our fused engine under
                                the same masks, complete or not (ratio)
    peers/busy.json             what bench/busy.py, bench/alternate.py and bench/peers/frechet.py wrote, as it stands
    ../profiles/pretrained/classifier.safetensors  what the file says of itself: the share of held-out images told rightly
    peers/h200-collectors.json  of Google Benchmark, a row for each repetition: suite, axes of the name, counters

The ends of the interval of X are X_low and X_high. A time is disturbed where its interval is wider than a tenth of it, a
speedup where its own time is or the dense model's beside it.
"""
import csv
import json
import math
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench/peers"))
from interval import interval  # noqa: E402

# Counted or declared, not measured: a disturbed clock does not touch them.
COUNTED = {"gmacs", "lambda_realised", "rho", "rho_without_routers", "theoretical_speedup", "keep", "batch", "steps",
           "sampling_gmacs", "sampling_gmacs_guided", "sampling_theory", "activation_memory", "cache_memory", "blocks_run",
           "allocations"}
TIMES = ("time", "image_time")  # the columns that make a row one that was timed


def number(text):
    try:
        return float(text or "nan")
    except ValueError:
        return text


def with_interval(name, value, ends):
    return {name: value, name + "_low": ends[0], name + "_high": ends[1]}


def wide(row):
    return any(not row.get(time + "_high", math.nan) - row.get(time + "_low", math.nan) <= 0.1 * row[time]
               for time in TIMES if time in row)


def marked(row, names):
    """Whether a value of these columns bears the mark of a disturbed time."""
    timed = set(names) - COUNTED
    return bool(timed) and (wide(row) or (not timed & set(TIMES) and wide(row.get("dense", {}))))


def waterfalls(rows):
    """Bars beneath each other as one row: each cause's milliseconds by its name."""
    joined = {}
    for row in rows:
        key = tuple(row[name] for name in ("which", "keep", "batch"))
        whole = joined.setdefault(key, {name: row[name] for name in ("which", "keep", "batch")})
        begin = row["end"] - row["value"]  # 0 for the whole times, which stand on the ground
        whole |= with_interval(row["metric"], row["value"], (row["end_low"] - begin, row["end_high"] - begin))
    return list(joined.values())


def records(path, study):
    latest = {}  # of two records of one cell the later one counts
    for record in map(json.loads, path.read_text().splitlines()):
        if record["study"] != study or record["status"] != "ok":
            continue
        # A list of shares as the command line has it: 0.75,0.625,0.65.
        row = latest[json.dumps(record["axes"], sort_keys=True)] = {
            name: ",".join(f"{one:g}" for one in value) if isinstance(value, list) else value
            for name, value in record["axes"].items()}
        for name, metric in record["metrics"].items():
            row |= with_interval(name, metric["value"], metric["ci95"]) if "ci95" in metric else {name: metric["value"]}
    rows = list(latest.values())
    run = ("model", "batch", "dtype", "device", "threads")
    # The complete engine that speedups are over: the first of a run's records.
    dense = {tuple(row.get(axis) for axis in run): row
             for row in reversed(rows) if row.get("engine") in ("dense", "fused-dense")}
    for row in rows if study == "speed" else []:
        row["dense"] = dense.get(tuple(row.get(axis) for axis in run), {})
    return rows


def flat(tree, before=""):
    row = {}
    for name, value in tree.items():
        row |= flat(value, before + name + "_") if isinstance(value, dict) else {before + name: value}
    return row


def repetitions(benchmarks):
    """Of a file of Google Benchmark: "suite/part/axis:value/axis:value/manual_time"."""
    rows = []
    for one in benchmarks:
        if one["run_type"] == "iteration":
            parts = one["name"].split("/")
            row = {"suite": "/".join(part for part in parts if ":" not in part).removesuffix("/manual_time")}
            row |= {axis: number(value) for axis, value in (part.split(":", 1) for part in parts if ":" in part)}
            rows.append(row | {name: value for name, value in one.items() if isinstance(value, float)})
    return rows


def sides(results):
    rows = []
    for result in results:
        row = {name: result[name] for name in ("model", "batch", "side", "share")}
        row["keep"] = ",".join(f"{one:g}" for one in result["keep"] or [])
        rows.append(row)
        if "error" in result:
            continue
        row |= {"blocks": len(result["seconds"]), "ready": result["ready_seconds"]}
        row |= with_interval("time", *in_ms(result["seconds"]))
        for ratio in result["ratios"]:
            if ratio["keep"] == result["keep"]:
                median, low, high = ratio["median_low_high"]
                row |= with_interval("ratio", median, (low, high))
    return rows


def peers(results):
    if "benchmarks" in results:
        return repetitions(results["benchmarks"])
    if "rows" in results:
        return sides(results["rows"])
    rows = []
    for result in results:
        if "seconds" not in result:
            rows.append(result)
            continue
        seconds = result.pop("seconds")
        row = result | {"blocks": len(seconds["ours"])} | with_interval("time", *in_ms(seconds["ours"]))
        for name in seconds.keys() - {"ours"}:
            median, low, high = interval([theirs / ours for theirs, ours in zip(seconds[name], seconds["ours"])])
            row |= with_interval(name, median, (low, high))
        rows.append(row)
    return rows


def in_ms(seconds):
    median, low, high = interval([1000 * value for value in seconds])
    return median, (low, high)


def of_classifier(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    share, images = header["__metadata__"]["accuracy"].split(" of ")  # "0.9010 of 10000 held-out images"
    return [{"accuracy": float(share), "images": int(images.split()[0])}]


def table(reports, name):
    """The rows of a table below the folder of the reports; raises OSError or KeyError where there is none."""
    report, part = name.rsplit("/", 1)
    if part.endswith(".csv"):
        with open(reports / report / "figures" / part, newline="") as file:
            rows = [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]
        return waterfalls(rows) if part.startswith("waterfall") else rows
    if part.endswith(".json"):
        return peers(json.loads((reports / report / part).read_text()))
    if part.endswith(".safetensors"):
        return of_classifier(reports / report / part)
    if part == "models":
        return [flat(model) for model in json.loads((reports / report / "manifest.json").read_text())["models"]]
    return records(reports / report / "results.jsonl", part)
