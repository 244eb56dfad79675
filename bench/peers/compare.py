#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the C++ DiT beside PyTorch eager and torch.compile: the same weights, blocks of repetitions interleaved in
random order, the median over the blocks of the ratio of their times. Our process keeps freed memory (base/memory.h),
the peers run with glibc's defaults, as their users do. In bfloat16 and float16 the forward pass has weights of that
type; training keeps float32 weights under bfloat16 autocast.

    build/deps/libtorch/bin/python bench/peers/compare.py --models S/2 B/4 --batches 4 8
    build/deps/libtorch/bin/python bench/peers/compare.py --models XL/2 --batches 32 --device cuda --dtype bfloat16

Refuses to time what disagrees in float32 (relative L2 distance of the outputs over 1e-5, on a GPU over 1e-3: its
convolutions are in TF32). Needs an idle machine.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch

import dit
from interval import interval

ROOT = Path(__file__).resolve().parents[2]
TARGET_SECONDS = 0.5  # of one block


def inputs(model, n):
    return (torch.randn(n, model.channels, model.size, model.size), torch.randint(0, 1000, (n,)),
            torch.randint(0, model.classes, (n,)))


def synchronise(device):
    if device == "cuda":
        torch.cuda.synchronize()


class Torch:
    """A model in this process: eager, or compiled."""

    def __init__(self, model, compiled, train, device, dtype):
        self.model, self.train, self.device, self.dtype = model.to(device), train, device, dtype
        if not train:
            self.model.to(dtype)
        self.call = torch.compile(model) if compiled else model
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True) if train else None
        self.batches = {}

    def __call__(self, n, repetitions):
        if n not in self.batches:
            x, t, y = (value.to(self.device) for value in inputs(self.model, n))
            self.batches[n] = x if self.train else x.to(self.dtype), t, y
        x, t, y = self.batches[n]
        synchronise(self.device)
        begin = time.perf_counter()
        for _ in range(repetitions):
            if self.train:
                with torch.autocast(self.device, torch.bfloat16, enabled=self.dtype != torch.float32):
                    loss = self.call(x, t, y).float().square().mean()
                loss.backward()
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
            else:
                with torch.inference_mode():
                    self.call(x, t, y)
        synchronise(self.device)
        return time.perf_counter() - begin


class Ours:
    """The C++ model in a process of its own, which sleeps while others are timed."""

    def __init__(self, build, checkpoint, work, device, dtype, threads):
        self.process = subprocess.Popen([build / "bench/dydit_worker", checkpoint, work, device, dtype, str(threads)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, n, repetitions):
        print(n, repetitions, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def check_agreement(build, model, checkpoint, device, folder):
    """The outputs of both on the same input, through dydit probe forward."""
    x, t, y = inputs(model, 2)
    dit.write_tensors(folder / "in.safetensors", {"x": x, "t": t, "y": y})
    subprocess.run([build / "dydit", "probe", "forward", "--device", device, "--checkpoint", checkpoint,
                    "--input", folder / "in.safetensors", "--output", folder / "out.safetensors"], check=True)
    ours = dit.read_tensors(folder / "out.safetensors")["output"]
    with torch.inference_mode():
        theirs = model(x, t, y)
    distance = float((ours - theirs).norm() / theirs.norm())
    if not distance <= (1e-3 if device == "cuda" else 1e-5):
        sys.exit(f"the models disagree: relative distance {distance:.2e}")
    return distance


def compare(variants, n, blocks):
    """Seconds of one repetition: a list of blocks for each variant."""
    repetitions = {}
    for name, run in variants.items():
        run(n, 1)
        repetitions[name] = max(1, round(TARGET_SECONDS / run(n, 1)))
    seconds = {name: [] for name in variants}
    for _ in range(blocks):
        for name in random.sample(list(variants), len(variants)):
            seconds[name].append(variants[name](n, repetitions[name]) / repetitions[name])
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["S/2", "S/4", "B/4"])
    parser.add_argument("--batches", nargs="+", type=int, default=[4, 8])
    parser.add_argument("--work", nargs="+", default=["forward", "train"], choices=["forward", "train"])
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--no-compile", action="store_true", help="PyTorch eager alone")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--json", type=Path, help="also write every block here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", "Failed to initialize NumPy")
    dtype = getattr(torch, arguments.dtype)
    results = []
    print(f"{'model':8}{'work':9}{'batch':>5}{'ours ms':>10}  ratio of times to ours, median [95 % interval]")
    for name in arguments.models:
        for work in arguments.work:
            with tempfile.TemporaryDirectory() as folder:
                torch.manual_seed(0)
                model = dit.named(name)
                checkpoint = Path(folder) / "model.safetensors"
                dit.write_tensors(checkpoint, model.state_dict())
                check_agreement(arguments.build, model, checkpoint, arguments.device, Path(folder))
                kind = work == "train", arguments.device, dtype
                variants = {"ours": Ours(arguments.build, checkpoint, work, arguments.device, arguments.dtype,
                                         arguments.threads),
                            "eager": Torch(model, False, *kind)}
                for n in arguments.batches:
                    if not arguments.no_compile:  # anew: a second batch size would get a graph of dynamic shapes
                        torch._dynamo.reset()
                        variants["compile"] = Torch(dit.named(name), True, *kind)
                    seconds = compare(variants, n, arguments.blocks)
                    ours = seconds["ours"]
                    row = f"{name:8}{work:9}{n:5}{statistics.median(ours) * 1e3:10.2f}"
                    for peer in list(variants)[1:]:
                        ratio, low, high = interval([a / b for a, b in zip(seconds[peer], ours)])
                        row += f"  {peer} {ratio:.3f} [{low:.3f}, {high:.3f}]"
                    print(row, flush=True)
                    results.append({"model": name, "work": work, "batch": n, "device": arguments.device,
                                    "dtype": arguments.dtype, "seconds": seconds})
                variants["ours"].process.terminate()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
