# SPDX-License-Identifier: Apache-2.0
"""What engines.py times: our engines in a process, and PyTorch's models in several ways."""
import subprocess
import sys
import time

import torch

import dit
import dydit
from compare import synchronise

AXES = ("heads", "channels", "tokens")


class Given:
    """What a pass is given: x, t, y, and masks that keep shares of heads, channel groups and tokens, or none."""

    def __init__(self, model, n, keep, folder):
        depth, _, heads = model.shape[:3]
        generator = torch.Generator().manual_seed(n)
        self.x = torch.randn(n, model.channels, model.size, model.size, generator=generator)
        self.t, self.y = torch.full((n,), 500), torch.randint(0, model.classes, (n,), generator=generator)
        self.masks, self.share = (), 1.0
        if keep:
            widths = [torch.zeros(depth, heads, dtype=torch.bool) for _ in range(2)]
            for mask, share in zip(widths, keep):
                for layer in mask:  # the first one is always on
                    others = 1 + torch.randperm(heads - 1, generator=generator)
                    layer[torch.cat([torch.zeros(1, dtype=torch.int64), others])[: max(1, round(share * heads))]] = True
            tokens = torch.rand(n, depth, model.grid**2, generator=generator) < keep[2]
            self.masks = *(mask.expand(n, -1, -1).contiguous() for mask in widths), tokens
            self.share = self.share_of_macs(model)
        self.path = folder / f"{n}-{'-'.join(map(str, keep or ['complete']))}.safetensors"
        masks = {axis: mask.to(torch.int64) for axis, mask in zip(AXES, self.masks)}
        dit.write_tensors(self.path, {"x": self.x, "t": self.t, "y": self.y, **masks})

    def share_of_macs(self, model):
        """Of the blocks' multiply-accumulates, those that the masks leave."""
        width, tokens = model.shape[1], model.grid**2
        attention, mlp = 4 * tokens * width**2 + 2 * tokens**2 * width, 8 * tokens * width**2
        heads, channels, routed = (mask.float().mean(dim=(0, 2)) for mask in self.masks)
        return float((heads * attention + channels * routed * mlp).mean() / (attention + mlp))

    def to(self, device, dtype):
        return [x.to(device) for x in (self.x.to(dtype), self.t, self.y, *self.masks)]


class Ours:
    """The C++ engines in a process of their own, which sleeps while others are timed."""

    def __init__(self, options, checkpoint, dtype):
        command = [options.build / "bench/dydit_worker", checkpoint, "engines", options.device, dtype,
                   str(options.threads)]
        self.output = checkpoint.with_name(f"out-{dtype}.safetensors")
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, engine, given, repetitions, output="-"):
        print(engine, given.path, repetitions, output, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(answer or "our process has ended")
        return float(answer)

    def side(self, engine, given):
        def output():
            self(engine, given, 2, self.output)
            return dit.read_tensors(self.output)["output"]
        return lambda repetitions: self(engine, given, repetitions), output

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def graph_of(call, given):
    """A pass as one CUDA graph: its inputs are copied in. What it runs keeps the call's weights and indices."""
    static = [x.clone() for x in given]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call(*static)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = call(*static)

    def run(*inputs):
        for to, of in zip(static, inputs):
            to.copy_(of)
        graph.replay()
        return output
    run.call = call  # whose memory the graph reads
    return run


class Peers:
    """The models in PyTorch, with one set of parameters, run in these ways."""

    def __init__(self, model, options):
        self.device, self.grad = options.device, torch.no_grad if options.no_grad else torch.inference_mode
        self.dtype = getattr(torch, options.dtype)
        self.masked = model.to(options.device, self.dtype).eval()
        self.dense = dydit.complete(self.masked)
        self.compiled = {}

    def call(self, kind, way, given, inputs):
        if kind == "compact":
            model, inputs = dydit.Compact(self.masked, *inputs[3:]), inputs[:3]
        else:
            model = self.masked if given.masks else self.dense
        if way == "eager":
            return model, inputs
        if way == "graph":
            with torch.inference_mode():
                return graph_of(model, inputs), inputs
        key = kind, way, given.path if kind == "compact" else None
        if key not in self.compiled:
            compiled = torch.compile(model, mode=way, fullgraph=True, dynamic=False)

            def call(*of):  # each pass a root of its own among CUDA graphs
                torch.compiler.cudagraph_mark_step_begin()
                return compiled(*of)
            self.compiled[key] = call
        return self.compiled[key], inputs

    def side(self, kind, way, given):
        call, inputs = self.call(kind, way, given, given.to(self.device, self.dtype))
        grad = torch.inference_mode if way in ("eager", "graph") else self.grad

        def seconds(repetitions):
            with grad():
                call(*inputs)
                synchronise(self.device)
                begin = time.perf_counter()
                for _ in range(repetitions):
                    call(*inputs)
                synchronise(self.device)
            return time.perf_counter() - begin

        def output():
            with grad():
                out = call(*inputs)
            return (out if torch.is_tensor(out) else out[0]).float().cpu()
        return seconds, output


def distance(output, expected):
    return float((output.double() - expected).norm() / expected.norm())


def one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


class Side:
    """One of them under one set of masks: checked, timed in blocks, checked again; or what made it fail."""

    def __init__(self, name, keep, given):
        self.name, self.keep, self.given = name, keep, given
        self.kind, self.way = name.split(":")
        self.error, self.seconds, self.distances = None, [], []

    def attempt(self, what):
        if self.error is None:
            try:
                return what()
            except Exception as error:  # of a library, a compiler or our process: the others go on
                self.error = one_line(error)
                print(f"{self.name} {self.keep or ''}: {self.error}", file=sys.stderr)

    def make_ready(self, ours, peers):
        begin = time.perf_counter()
        self.run, self.output = (ours.side(self.way, self.given) if self.kind == "ours" else
                                 peers.side(self.kind, self.way, self.given))
        self.run(2)
        self.check()
        self.ready_seconds = time.perf_counter() - begin

    def check(self):
        self.distances.append(distance(self.output(), self.given.expected))
        if not self.distances[-1] <= self.given.bound:
            raise RuntimeError(f"disagrees: relative distance {self.distances[-1]:.2e} of {self.given.bound:.2e}")

    def repetitions_of(self, seconds):
        self.repetitions = max(1, round(seconds * 2 / self.run(2)))

    def time(self):
        self.seconds.append(self.run(self.repetitions) / self.repetitions)
