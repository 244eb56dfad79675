#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times our engines beside PyTorch under the same imposed masks, with the same weights: blocks of passes interleaved in
random order, the median over the blocks of the ratio of their times to ours. A side is a model and how it is run:

    ours:ENGINE        an engine of ours, in a process of its own (bench/worker.cpp)
    dense:WAY          the complete model in PyTorch
    masked:WAY         DyDiT as published: everything is computed, and multiplied by masks
    compact:WAY        a prototype in PyTorch that leaves out what is off: weights packed, rows of tokens known before
    WAY                eager, graph (eager, captured in a CUDA graph), or torch.compile's mode: default,
                       reduce-overhead, max-autotune, max-autotune-no-cudagraphs

Routers are run and overruled; those of widths are left out by ours (known at a planned timestep) and by the prototype.

    python3 bench/peers/engines.py --json engines.json
    python3 bench/peers/engines.py --sides 'ours:*' 'dense:*' --batches 2 --keep 0.5,0.5,1 --no-grad
    build/deps/libtorch/bin/python bench/peers/engines.py --device cpu --dtype float32 --models S/4 --batches 2

Refuses to time what disagrees, before and after it is timed: with the published semantics in float64 under the same
masks, in float32 by more than 1e-5 (relative L2 distance; on a GPU 1e-3: convolutions in TF32), in bfloat16 and
float16 by more than twice as much as eager PyTorch does; and in these types ours is held to the former bound in float32
first. A side that fails is a row with its error. Needs an idle machine; the file is written after each batch. A second
call on the same machine finds what Inductor compiled in its cache.
"""
import argparse
import contextlib
import copy
import fnmatch
import json
import math
import os
import random
import signal
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch

import dit
import dydit
from compare import ROOT
from interval import interval
from sides import Given, Ours, Peers, Side, distance

WAYS = ("eager", "graph", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
ENGINES = ("fused-dense", "dense", "fused", "compact", "masked")
KNOWN = [f"ours:{name}" for name in ENGINES]
KNOWN += [f"{model}:{way}" for model in ("dense", "masked", "compact") for way in WAYS]
# In the order in which they are made ready: what takes minutes to compile comes last.
DEFAULT = ("ours:*", "dense:eager", "dense:graph", "masked:eager", "compact:eager", "compact:graph", "dense:default",
           "dense:reduce-overhead", "dense:max-autotune", "masked:reduce-overhead")


def expect(model, all_given, options, peers):
    """The published semantics in float64, and how far from them a side may be."""
    exact_bound = 1e-3 if options.device == "cuda" else 1e-5
    reference = copy.deepcopy(model).to(options.device, torch.float64).eval()
    dense = dydit.complete(reference)
    for given in all_given:
        with torch.inference_mode():
            inputs = given.to(options.device, torch.float64)
            given.expected = (reference(*inputs)[0] if given.masks else dense(*inputs)).cpu()
        given.bound = exact_bound
        if peers.dtype != torch.float32:
            _, output = peers.side("masked" if given.masks else "dense", "eager", given)
            given.bound = 2 * distance(output(), given.expected)


def check_in_float32(model, keeps, options, checkpoint):
    """Ours of two images, which says more than narrow numbers can."""
    options = argparse.Namespace(**{**vars(options), "dtype": "float32"})
    all_given = [Given(model, 2, keep, checkpoint.parent) for keep in [None, *keeps]]
    expect(model, all_given, options, Peers(copy.deepcopy(model), options))
    ours = Ours(options, checkpoint, "float32")
    for given in all_given:
        for engine in ("masked", "compact") if given.masks else ("dense",):
            side = Side(f"ours:{engine}", None, given)
            side.run, side.output = ours.side(engine, given)
            try:
                side.check()
            except RuntimeError as error:
                sys.exit(f"engines: {side.name} in float32: {error}")
    ours.end()


@contextlib.contextmanager
def until(deadline):
    """What takes longer is given up, a compiler too."""
    def give_up(*_):
        raise TimeoutError("not ready in time (--minutes)")
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, max(1, deadline - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def ready_sides(names, by_keep, ours, peers, block_seconds, begin, deadline):
    sides = []
    for name in names:
        kind, way = name.split(":")
        complete = kind == "dense" or (kind == "ours" and way in ("dense", "fused-dense"))
        for keep, given in by_keep.items():
            if (keep is None) != complete:
                continue
            side = Side(name, keep, given)
            sides.append(side)
            if time.monotonic() > deadline:
                side.error = "not begun: the time is over (--minutes)"
                continue
            print(f"{time.monotonic() - begin:4.0f} s  {name} {keep or ''} ...", file=sys.stderr, flush=True)
            with until(deadline):
                side.attempt(lambda: side.make_ready(ours, peers))
            side.attempt(lambda: side.repetitions_of(block_seconds))
    return sides


def time_sides(sides, blocks):
    for block in range(blocks):
        print(f"\rblock {block + 1} of {blocks}", end="", file=sys.stderr, flush=True)
        for side in random.sample(sides, len(sides)):
            side.attempt(side.time)
    print(file=sys.stderr)
    for side in sides:
        side.attempt(side.check)


def rows_of(sides, fastest):
    """With ratios to our engine that runs the complete model fastest, and to the one that runs masks so."""
    references = [side for side in sides if side.name in fastest and not side.error]
    rows = []
    for side in sides:
        row = {"side": side.name, "keep": side.keep, "share": side.given.share}
        rows.append(row)
        if side.error:
            row["error"] = side.error
            continue
        against = [of for of in references if side.keep is None or of.keep == side.keep]
        row |= {"ms": 1e3 * statistics.median(side.seconds), "ready_seconds": side.ready_seconds,
                "distances": side.distances, "bound": side.given.bound, "seconds": side.seconds,
                "ratios": [{"to": of.name, "keep": of.keep,
                            "median_low_high": interval([a / b for a, b in zip(side.seconds, of.seconds)])}
                           for of in against]}
    return rows


def print_rows(batch, rows):
    for row in rows:
        keep = ",".join(map(str, row["keep"] or []))
        line = f"{batch:5} {row['side']:26}{keep:14}{row['share']:6.3f}"
        if "error" in row:
            print(f"{line}  {row['error']}", flush=True)
            continue
        line += f"{row['ms']:9.3f}"
        for ratio in row["ratios"]:
            of = ",".join(map(str, ratio["keep"] or []))
            line += "  {} {:.3f} [{:.3f}, {:.3f}]".format(f"{ratio['to'][5:]} {of}".strip(), *ratio["median_low_high"])
        print(line, flush=True)


def compare(name, options, names, rows):
    begin = time.monotonic()
    torch.manual_seed(0)
    model = dit.named(name, dydit.DyDiT)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "model.safetensors"
        dit.write_tensors(checkpoint, model.state_dict())
        if options.dtype != "float32":
            check_in_float32(model, options.keep, options, checkpoint)
        ours = Ours(options, checkpoint, options.dtype)
        peers = Peers(copy.deepcopy(model), options)
        for i, batch in enumerate(options.batches):
            torch._dynamo.reset()  # a second batch size would get a graph of dynamic shapes
            peers.compiled.clear()
            by_keep = {keep: Given(model, batch, keep, Path(folder)) for keep in [None, *options.keep]}
            expect(model, by_keep.values(), options, peers)
            deadline = begin + 60 * options.minutes * (i + 1) / len(options.batches)
            sides = ready_sides(names, by_keep, ours, peers, options.block_seconds, begin, deadline)
            time_sides([side for side in sides if not side.error], options.blocks)
            of_batch = rows_of(sides, ("ours:fused-dense", "ours:fused") if options.device == "cuda" else
                               ("ours:dense", "ours:compact"))
            print_rows(batch, of_batch)
            rows += [{"model": name, "batch": batch, "dtype": options.dtype, **row} for row in of_batch]
            write(options, rows)
        ours.end()


def write(options, rows):
    if options.json:
        device = torch.cuda.get_device_name() if options.device == "cuda" else f"cpu, {options.threads} threads"
        content = {"device": device, "torch": torch.__version__, "argv": sys.argv[1:], "rows": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def positive(kind):
    def read(text):
        number = kind(text)
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"give a positive number, not {text}")
        return number
    read.__name__ = kind.__name__  # what argparse calls it
    return read


def shares(text):
    keep = tuple(float(share) for share in text.split(","))
    if len(keep) != 3 or not all(0 < share <= 1 for share in keep):
        raise argparse.ArgumentTypeError("give shares of heads, channel groups and tokens in (0, 1]: 0.5,0.5,1")
    return keep


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["XL/2"])
    parser.add_argument("--batches", nargs="+", type=positive(int), default=[64, 2])
    parser.add_argument("--keep", nargs="+", type=shares, default=[(.5, .5, 1.), (1., .5, .5), (.75, .625, .65)],
                        help="shares of heads, channel groups and tokens: 0.5,0.5,1")
    parser.add_argument("--sides", nargs="+", default=DEFAULT, help="names, or patterns like 'dense:*'")
    parser.add_argument("--blocks", type=positive(int), default=15)
    parser.add_argument("--block-seconds", type=positive(float), default=0.1, help="of one block of a side")
    parser.add_argument("--minutes", type=positive(float), default=6.5,
                        help="for each model, shared by its batches; a side that is not ready by then is left out")
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16", "float16"])
    parser.add_argument("--no-grad", action="store_true", help="compiled peers under no_grad, else inference_mode")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--json", type=Path, help="also write every block here")
    options = parser.parse_args()
    names = list(dict.fromkeys(name for of in options.sides for name in KNOWN if fnmatch.fnmatch(name, of)))
    for of in options.sides:
        if not fnmatch.filter(KNOWN, of):
            parser.error(f"no such side: {of}; known are {' '.join(KNOWN)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("no GPU: give --device cpu")
    return options, names


def main():
    options, names = parse()
    torch.set_num_threads(options.threads)
    torch._dynamo.config.recompile_limit = 64  # the prototype is compiled for each of its masks
    warnings.filterwarnings("ignore", "Failed to initialize NumPy")
    print("batch side                      keep           share       ms  ratios to ours, median [95 % interval]")
    rows = []
    for name in options.models:
        compare(name, options, names, rows)
    return int(any("error" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
