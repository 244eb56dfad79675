#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training throughput of PyTorch eager and torch.compile on a GPU, to put beside the images_per_second that
`dydit train` records: the same model in pixel space, bfloat16 autocast, fused AdamW, random images.

    python bench/peers/gpu.py --models S/2 B/2 XL/2 --batch 128
"""
import argparse
import time

import torch

import dit


def images_per_second(model, call, batch, steps):
    x = torch.randn(batch, 3, 32, 32, device="cuda")
    t = torch.randint(0, 1000, (batch,), device="cuda")
    y = torch.randint(0, 10, (batch,), device="cuda")
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step():
        with torch.autocast("cuda", torch.bfloat16):
            output = call(x, t, y)
        output.float().square().mean().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    for _ in range(5):
        step()
    rates = []
    for _ in range(5):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        torch.cuda.synchronize()
        rates.append(batch * steps / (time.perf_counter() - begin))
    return sorted(rates)[2], rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["S/2", "B/2", "XL/2"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10, help="of one of the five blocks")
    arguments = parser.parse_args()
    print(torch.cuda.get_device_name())
    for name in arguments.models:
        for kind in ["eager", "compile"]:
            model = dit.named(name, channels=3, classes=10).cuda()
            call = torch.compile(model) if kind == "compile" else model
            median, rates = images_per_second(model, call, arguments.batch, arguments.steps)
            print(f"{name:6}{kind:8}{median:9.1f} images/s, blocks {min(rates):.1f} to {max(rates):.1f}", flush=True)
            del model, call
            torch._dynamo.reset()
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
