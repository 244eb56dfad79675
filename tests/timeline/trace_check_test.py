#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""trace_check.py finds nothing wrong with a sound trace, and what is wrong with broken ones."""
import copy
import gzip
import json
import os
import tempfile
import unittest

import trace_check

HOST, GPU, THREAD, STREAM = 4000, 0, 4000, 7
SUMS = [{"name": "gemm", "calls": 2, "total_us": 15.002}, {"name": "Memcpy HtoD", "calls": 1, "total_us": 4}]


def span(cat, name, ts, dur, correlation=None, **args):
    on_gpu = cat in trace_check.DEVICE
    if on_gpu:
        args |= {"device": GPU, "stream": STREAM}
    if cat == "kernel":
        args |= {"registers per thread": 32, "shared memory": 0, "est. achieved occupancy %": 50, "grid": [8, 1, 1],
                 "block": [128, 1, 1]}
    if correlation is not None:
        args["correlation"] = correlation
    return {"ph": "X", "cat": cat, "name": name, "pid": GPU if on_gpu else HOST, "tid": STREAM if on_gpu else THREAD,
            "ts": ts, "dur": dur, "args": args}


def flow(phase, correlation, ts):
    pid, tid = (HOST, THREAD) if phase == "s" else (GPU, STREAM)
    event = {"ph": phase, "id": correlation, "pid": pid, "tid": tid, "ts": ts, "cat": "ac2g", "name": "ac2g"}
    return event | ({"bp": "e"} if phase == "f" else {})


def metadata(name, pid, tid, value):
    return {"ph": "M", "name": name, "ts": 0.0, "pid": pid, "tid": tid, "args": {trace_check.METADATA[name]: value}}


def sound():
    events = [metadata(name, pid, tid if name.startswith("thread") else 0, 1)
              for name in trace_check.METADATA for pid, tid in ((HOST, THREAD), (GPU, STREAM))]
    events += [
        span("user_annotation", "pass", 0, 30), span("cuda_runtime", "cudaDeviceSynchronize", 28, 1), span("cpu_op", "aten::mm", 1, 9.5),
        span("cuda_runtime", "cudaLaunchKernel", 2, 1.25, 1), flow("s", 1, 2),
        span("cuda_runtime", "cudaMemcpyAsync", 4, 1, 2), flow("s", 2, 4),
        span("cuda_runtime", "cudaGraphLaunch", 12, 1, 3), flow("s", 3, 12),
        span("kernel", "gemm", 5, 10.001, 1), flow("f", 1, 5),
        span("gpu_memcpy", "Memcpy HtoD", 16, 4, 2, bytes=100), flow("f", 2, 16),
        span("kernel", "gemm", 20, 5.001, 3), flow("f", 3, 20),
        {"ph": "i", "s": "g", "name": "Record Window End", "pid": "", "tid": "", "ts": 40}]
    return {"schemaVersion": 1, "deviceProperties": [dict.fromkeys(trace_check.PROPERTIES, 1)],
            "distributedInfo": {"rank": 0, "world_size": 1}, "displayTimeUnit": "ms", "baseTimeNanoseconds": 5,
            "traceEvents": events}


def first(trace, **fields):
    return next(e for e in trace["traceEvents"] if all(e.get(key) == value for key, value in fields.items()))


class TraceCheck(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, data):
        path = os.path.join(self.folder.name, "trace.json.gz")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def found(self, trace, sums=None):
        path = self.path(gzip.compress((trace if isinstance(trace, str) else json.dumps(trace)).encode("utf-8", "surrogateescape")))
        if sums is None:
            return trace_check.problems(path)
        with open(os.path.join(self.folder.name, "sums.json"), "w", encoding="utf-8") as file:
            json.dump(sums, file)
        return trace_check.problems(path, file.name)

    def expect(self, text, change):
        trace = copy.deepcopy(sound())
        change(trace)
        found = self.found(trace)
        self.assertTrue(any(text in line for line in found), f"{text!r} is not in {found}")

    def test_sound(self):
        self.assertEqual(self.found(sound()), [])
        self.assertEqual(self.found(sound(), SUMS), [])

    def test_unreadable(self):
        whole = gzip.compress(json.dumps(sound()).encode())
        for data in (whole[:-20], whole[:100], whole[:200] + b"\0" * 50 + whole[250:], b"no gzip", b""):
            self.assertIn("cannot be read", trace_check.problems(self.path(data))[0])
        for text in ('{"traceEvents": [', "", "[" * 100000, '{"a": NaN}', '{"a": "\udcff"}', '{"a": "\n"}', '{"a": 1,}'):
            self.assertIn("cannot be read", self.found(text)[0])
        self.assertEqual(self.found("[]"), ["no object of JSON"])

    def test_head(self):
        for key in list(sound()):
            self.expect(key, lambda trace: trace.pop(key))
        self.expect("distributedInfo", lambda trace: trace["distributedInfo"].update(rank=1))
        self.expect("deviceProperties", lambda trace: trace["deviceProperties"][0].pop("numSms"))

    def test_events(self):
        self.expect("dur None", lambda trace: first(trace, cat="kernel").pop("dur"))
        self.expect("dur -1", lambda trace: first(trace, cat="kernel").update(dur=-1))
        self.expect("ts -0.5", lambda trace: first(trace, cat="cpu_op").update(ts=-0.5))
        self.expect("ts 0.0001", lambda trace: first(trace, cat="cpu_op").update(ts=0.0001))
        self.expect("of a call", lambda trace: first(trace, cat="cuda_runtime")["args"].update(correlation=0))
        self.assertIn("ts 1E+400", self.found(json.dumps(sound()).replace('"ts": 12', '"ts": 1e400'))[0])
        self.expect("ts 5", lambda trace: first(trace, cat="cpu_op").update(ts="5"))
        self.expect("pid or tid", lambda trace: first(trace, cat="kernel").update(tid="7"))
        self.expect("category", lambda trace: first(trace, cat="kernel").update(cat="Kernel"))
        self.expect("no name", lambda trace: first(trace, cat="kernel").pop("name"))
        self.expect("phase", lambda trace: first(trace, cat="kernel").update(ph="B"))
        self.expect("without its value", lambda trace: first(trace, ph="M").update(args={}))
        self.expect("Record Window End", lambda trace: trace["traceEvents"].pop())
        for key in ("device", "stream", "correlation", "grid", "block", "shared memory"):
            self.expect(key, lambda trace: first(trace, cat="kernel")["args"].pop(key))
        self.expect("bytes", lambda trace: first(trace, cat="gpu_memcpy")["args"].pop("bytes"))
        self.expect("above 100", lambda trace: first(trace, cat="kernel")["args"].update({"est. achieved occupancy %": 101}))
        self.expect("another device", lambda trace: first(trace, cat="kernel")["args"].update(device=1))

    def test_overlap(self):
        self.expect("overlaps", lambda trace: first(trace, cat="cpu_op").update(dur=11.501))
        self.expect("overlaps", lambda trace: first(trace, cat="kernel").update(dur=11.001))

    def test_names(self):
        for name in trace_check.METADATA:
            self.expect(f"no {name}", lambda trace: trace["traceEvents"].remove(first(trace, name=name)))

    def test_flows(self):
        self.expect("flow 2: 0 ends", lambda trace: trace["traceEvents"].remove(first(trace, ph="f", id=2)))
        self.expect("flow 2: 0 begins", lambda trace: trace["traceEvents"].remove(first(trace, ph="s", id=2)))
        self.expect("flow 2: 2 ends", lambda trace: trace["traceEvents"].append(first(trace, ph="f", id=2)))
        self.expect("its end is at no span", lambda trace: first(trace, ph="f").update(ts=6))
        self.expect("its begin is at no span", lambda trace: first(trace, name="cudaLaunchKernel")["args"].update(correlation=9))
        self.expect("its end is at no span", lambda trace: trace["traceEvents"].remove(first(trace, cat="kernel")))
        self.expect("binding", lambda trace: first(trace, ph="f").pop("bp"))

    def test_sums(self):
        for i, key in ((0, "calls"), (1, "total_us")):
            sums = copy.deepcopy(SUMS)
            sums[i][key] += 1
            self.assertEqual(len(self.found(sound(), sums)), 1)
        self.assertEqual(len(self.found(sound(), SUMS[:1])), 1)
        self.assertEqual(len(self.found(sound(), SUMS + [{"name": "gone", "calls": 1, "total_us": 1}])), 1)


if __name__ == "__main__":
    unittest.main()
