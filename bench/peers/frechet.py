#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the Frechet distance of features beside pytorch-fid, in turn, each in a process of its own with the same number
of threads: from two files of features (.safetensors, float32) to a number. pytorch-fid's share is its own: mean and
covariance as its `calculate_activation_statistics` has them, and its `calculate_frechet_distance`.

    python3 -m venv peer && peer/bin/pip install numpy scipy pillow
    peer/bin/pip install --no-deps pytorch-fid torchvision==0.26.0     # which imports PyTorch: ours
    export PYTHONPATH=build/deps/libtorch/lib/python3.11/site-packages
    peer/bin/python bench/peers/frechet.py --json reports/peers/frechet.json
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def write_features(path, images, dimensions, seed):
    """Correlated ones, of which some are never on, as ReLUs make them."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(size=(256, dimensions)).astype(np.float32) / 16
    features = random.normal(loc=0.02 * seed, size=(images, 256)).astype(np.float32) @ mix
    features += 0.1 * random.normal(size=features.shape).astype(np.float32)
    features = np.maximum(features - 0.2, 0)
    header = json.dumps({"features": {"dtype": "F32", "shape": [images, dimensions],
                                      "data_offsets": [0, features.nbytes]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        features.tofile(file)


def read_features(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        shape = json.loads(file.read(length))["features"]["shape"]
        return np.fromfile(file, np.float32).reshape(shape).astype(np.float64)  # as pytorch-fid keeps them


def by_pytorch_fid(paths):
    from pytorch_fid.fid_score import calculate_frechet_distance
    moments = []
    for path in paths:
        features = read_features(path)
        moments += [np.mean(features, axis=0), np.cov(features, rowvar=False)]
    return float(calculate_frechet_distance(*moments))


def timed(command, threads):
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"frechet: {command[0]} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)  # a process of the peer
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)  # one that writes features
    options = parser.parse_args()
    if options.write:
        write_features(options.write[0], options.images, options.dimensions, int(options.write[1]))
        return
    if options.peer:
        print(by_pytorch_fid(options.peer))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{name}.safetensors" for name in "ab"]
        # By processes of their own: what this one had at its most would count for all that it starts.
        for seed, path in enumerate(paths):
            subprocess.run([sys.executable, __file__, "--write", path, str(seed), "--images", str(options.images),
                            "--dimensions", str(options.dimensions)], check=True)
        ours = [options.build / "dydit", "quality", *paths, "--metric", "frechet", "--json", "--quiet", "--device", "cpu",
                "--threads", str(options.threads)]
        peer = [sys.executable, __file__, "--peer", *paths]
        rows = []
        for turn in range(options.turns):
            for side, command in ("dydit", ours), ("pytorch-fid", peer):
                seconds, megabytes, output = timed(command, options.threads)
                value = json.loads(output)["frechet"] if side == "dydit" else float(output.splitlines()[-1])
                rows.append({"side": side, "turn": turn, "wall_seconds": seconds, "resident_mib": megabytes, "frechet": value,
                             "images": options.images, "dimensions": options.dimensions, "threads": options.threads})
                print(f"{side:12} {seconds:7.1f} s {megabytes:7.0f} MiB  {value:.9g}", flush=True)
    median = {side: statistics.median(row["wall_seconds"] for row in rows if row["side"] == side)
              for side in ("dydit", "pytorch-fid")}
    print(f"pytorch-fid takes {median['pytorch-fid'] / median['dydit']:.2f} times as long")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
