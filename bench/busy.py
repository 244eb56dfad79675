#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does one other busy process cost? Times a training and a forward pass on one and on all cores, on an idle machine
and beside one process that computes without end.

    bench/busy.py build/release

prints images a second of fine-tuning the small embedded model (batches of 32, and of 15, which cannot be halved) and passes a
second of S/4 (batch 4), medians over the rounds. The folder is one with dydit and bench/dydit_bench. Wants an otherwise idle machine.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

project = pathlib.Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def busy_process(wanted):
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if wanted else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.wait()


def training(build, threads, steps, batch):
    """Images a second after the first record, whose steps warm up."""
    with tempfile.TemporaryDirectory() as folder:
        command = [build / "dydit", "train", "--checkpoint", project / "profiles/pretrained/small.safetensors",
                   "--data", project / "profiles/data/cifar10-sample.zip", "--lambda", "0.6", "--batch", batch,
                   "--steps", 2 * steps, "--record-every", steps, "--checkpoint-every", 10 * steps, "--held-out-images", "32",
                   "--threads", threads, "--device", "cpu", "--quiet", "--out", pathlib.Path(folder) / "run"]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = (pathlib.Path(folder) / "run/results.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["metrics"]["images_per_second"]["value"]


def forward(build, threads, _steps, batch):
    command = [build / "bench/dydit_bench", f"--benchmark_filter=^forward/device:cpu/model:S-4/batch:{batch}/dtype:float32",
               "--benchmark_format=json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True,
                            env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return 1000 / json.loads(result.stdout)["benchmarks"][0]["real_time"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30, help="of the training, twice")
    parser.add_argument("--json", type=pathlib.Path, help="file for the rates, a row for each")
    options = parser.parse_args()

    cores, rows = len(os.sched_getaffinity(0)), []
    print(f"{'':46} {'1 thread':>10} {f'{cores} threads':>10}")
    for work, unit, batch, measure in [("training", "images/s", 32, training), ("training", "images/s", 15, training),
                                       ("forward", "passes/s", 4, forward)]:
        for busy in (False, True):
            samples = {1: [], cores: []}
            with busy_process(busy):
                for _ in range(options.rounds):
                    for threads in samples:
                        samples[threads].append(measure(options.build.resolve(), threads, options.steps, batch))
            rows += [{"work": work, "batch": batch, "busy": int(busy), "threads": threads, "rate": statistics.median(values),
                      "samples": values} for threads, values in samples.items()]
            row = "".join(f" {statistics.median(values):10.1f}" for values in samples.values())
            print(f"{f'{work}, batch {batch}, {unit}' + (', one busy process' if busy else ''):46}{row}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
