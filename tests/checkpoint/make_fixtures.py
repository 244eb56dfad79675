#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the fixtures of the checkpoint tests into golden/checkpoint. Needs PyTorch.

Every good .pt holds the tensors of sound.safetensors, which is written here byte by byte; the bad ones are
refused, each for the reason its name says.
"""
import argparse
import collections
import json
import math
import pathlib
import pickle
import struct

import torch

FOLDER = pathlib.Path(__file__).parents[1] / "golden" / "checkpoint"
NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
         torch.bool: "BOOL"}


def sound_tensors():
    """Every type, rank 0, no elements, strides, a shared storage, a parameter, a name that is not ASCII."""
    generator = torch.Generator().manual_seed(1)
    values = torch.randint(-100, 100, (2, 3), generator=generator)
    tensors = collections.OrderedDict((f"type.{name}", values.to(dtype)) for dtype, name in NAMES.items())
    base = torch.randn(4, 6, generator=generator)
    tensors["scalar"] = torch.tensor(0.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["transposed"] = base.t()
    tensors["rows"] = base[1:3]
    tensors["columns"] = base[:, ::2]
    tensors["one_wide"] = base.as_strided((4, 1, 6), (6, 17, 1))
    tensors["permuted"] = torch.arange(24, dtype=torch.int16).view(2, 3, 4).permute(2, 0, 1)
    tensors["parameter"] = torch.nn.Parameter(torch.ones(2))
    tensors["naïve.weight"] = torch.ones(1)
    return tensors


def raw_bytes(tensor):
    return bytes(tensor.view(-1).view(torch.uint8).tolist()) if tensor.numel() else b""


def write_safetensors(path, tensors, pad_to=1):
    header, data = {"__metadata__": {"origin": "make_fixtures.py", "quote": 'a "b"\n'}}, b""
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = raw_bytes(tensor)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % pad_to)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def as_zip64(source, target):
    """The same archive with every size and offset of its directory moved to zip64 fields, as above 4 GiB."""
    old = source.read_bytes()
    entries, _, begin = struct.unpack_from("<HII", old, len(old) - 12)
    directory, at = b"", begin
    for _ in range(entries):
        fields = list(struct.unpack_from("<4s6H3I5H2I", old, at))
        name_length, extra_length, comment_length = fields[10:13]
        name = old[at + 46:at + 46 + name_length]
        extra = struct.pack("<HHQQQ", 1, 24, fields[9], fields[8], fields[16])
        at += 46 + name_length + extra_length + comment_length
        fields[8] = fields[9] = fields[16] = 0xffffffff
        fields[11:13] = [len(extra), 0]
        directory += struct.pack("<4s6H3I5H2I", *fields) + name + extra
    end = begin + len(directory)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(directory), begin)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    target.write_bytes(old[:begin] + directory + end64 + locator + last)


def save_legacy(value, path, protocol=2):
    """The form from before PyTorch 1.6. Its keys are addresses, and so other ones in every run."""
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)


class Storage:
    """The storage of a tensor. `view`: as if it were a part of a larger one, which the file holds."""

    def __init__(self, tensor, view):
        untyped = tensor.untyped_storage()
        self.whole = torch.empty(0, dtype=tensor.dtype).set_(untyped)
        self.key = str(untyped._cdata)
        self.view = view


class Python2Pickler(pickle._Pickler):
    """Writes what PyTorch 0.3 did with the cPickle of Python 2: texts as bytes, a memo that begins at 1, integers
    above 32 bits as text, an OrderedDict with its pairs, tensors without gradients, views of storages."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages, self.keys = {}, {}

    def put(self, index):
        return super().put(index + 1)

    def get(self, index):
        return super().get(index + 1)

    def save_text(self, text):
        self.write(b"U" + bytes([len(text.encode())]) + text.encode())
        self.memoize(text)

    def save_integer(self, value):
        if 2**31 <= abs(value) < 2**63:
            self.write(b"I%d\n" % value)
        else:
            self.save_long(value)

    dispatch[str] = save_text
    dispatch[int] = save_integer

    def reducer_override(self, value):
        if isinstance(value, collections.OrderedDict):
            return collections.OrderedDict, ([[name, item] for name, item in value.items()],)
        if isinstance(value, torch.Tensor):
            value = value.detach()
            offset, first = value.storage_offset(), min(value.storage_offset(), 2)
            return torch._utils._rebuild_tensor, (Storage(value, first), offset - first, tuple(value.shape), value.stride())
        return NotImplemented

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        key = self.keys.setdefault(value.key, str(100 + len(self.keys)))
        self.storages[key] = value.whole
        elements = value.whole.numel()
        view = (key + str(value.view), value.view, elements - value.view) if value.view else None
        kind = getattr(torch, torch.storage._dtype_to_storage_type_map()[value.whole.dtype])
        return "storage", kind, key, "cpu", elements, view


def save_python2(value, path):
    with open(path, "wb") as file:
        machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        for part in (0x1950a86a20f9469cfc6c, 1001, machine):
            Python2Pickler(file).dump(part)
        pickler = Python2Pickler(file)
        pickler.dump(value)
        Python2Pickler(file).dump(sorted(pickler.storages))
        for _, whole in sorted(pickler.storages.items()):
            file.write(struct.pack("<q", whole.numel()) + raw_bytes(whole))
    loaded = torch.load(path, weights_only=False)["model"]
    assert all(torch.equal(loaded[name], tensor) for name, tensor in value["model"].items())


def dydit_training_file():
    """As DyDiT's training writes one, of a tiny model: 0, 1, 2 ... in each tensor of the model, 1, 2, 3 ... in the EMA.
    The optimizer's tensors are expanded: a reader that builds them refuses the file."""
    width, hidden, tokens, heads, patch = 16, 16, 4, 2, (1, 2, 2)
    linears = {"t_embedder.mlp.0": (width, 256), "t_embedder.mlp.2": (width, width),
               "blocks.0.attn.qkv": (3 * width, width), "blocks.0.attn.proj": (width, width),
               "blocks.0.mlp.fc1": (hidden, width), "blocks.0.mlp.fc2": (width, hidden),
               "blocks.0.adaLN_modulation.1": (6 * width, width), "blocks.0.attn_rate.router": (heads - 1, width),
               "blocks.0.mlp_rate.router": (heads - 1, width),
               "blocks.0.token_selection.mlp_head.0": (width // 16, width),
               "blocks.0.token_selection.mlp_head.2": (1, width // 16),
               "final_layer.linear": (2 * math.prod(patch), width), "final_layer.adaLN_modulation.1": (2 * width, width),
               "x_embedder.proj": (width, *patch)}
    shapes = {"pos_embed": (1, tokens, width), "y_embedder.embedding_table.weight": (4, width)}
    for name, shape in linears.items():
        shapes.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})

    def counting(first):
        return collections.OrderedDict(
            (name, torch.arange(first, first + math.prod(shape), dtype=torch.float32).view(shape))
            for name, shape in shapes.items())

    def state(shape):
        return {"step": torch.tensor(1.0), **{key: torch.zeros(1).expand(shape) for key in ("exp_avg", "exp_avg_sq")}}

    group = {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "params": list(range(len(shapes)))}
    return {"model": counting(0), "ema": counting(1),
            "opt": {"state": {i: state(shape) for i, shape in enumerate(shapes.values())}, "param_groups": [group]},
            "args": argparse.Namespace(model="DiT-S/2", target_rate=0.5, image_size=256)}


def state_dict():
    """Of modules in a module: beside its tensors, 0, 1, 2 ... in each, it has the version of every module."""
    mlp = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.SiLU(), torch.nn.Linear(2, 1))
    module = torch.nn.ModuleDict({"t_embedder": torch.nn.ModuleDict({"mlp": mlp})})
    for parameter in module.parameters():
        parameter.data = torch.arange(parameter.numel(), dtype=torch.float32).view(parameter.shape)
    return module.state_dict()


def main():
    FOLDER.mkdir(exist_ok=True)
    tensors = sound_tensors()
    write_safetensors(FOLDER / "sound.safetensors", tensors)  # and so not aligned
    write_safetensors(FOLDER / "small.safetensors", {"a": tensors["rows"], "b": tensors["scalar"]}, pad_to=8)
    torch.save(tensors, FOLDER / "sound.pt")
    torch.save(dict(tensors), FOLDER / "protocol4.pt", pickle_protocol=4)
    as_zip64(FOLDER / "sound.pt", FOLDER / "zip64.pt")
    arguments = argparse.Namespace(lr=1e-4, names=["a", "b"], seed=2**80, pair=(1, -2.5), none=None, flag=True,
                                   size=tensors["rows"].shape, device=torch.device("cpu"), dtype=torch.bfloat16,
                                   table={1: 300, -7: 70000})
    torch.save({"model": {"w": torch.zeros(3)}, "ema": tensors, "opt": {"state": {}, "param_groups": [{"lr": 1e-4}]},
                "args": arguments}, FOLDER / "train.pt")
    torch.save(dydit_training_file(), FOLDER / "dydit_train.pt")
    torch.save({"w": torch.arange(4.0)}, FOLDER / "small.pt")
    torch.save(state_dict(), FOLDER / "state_dict.pt")
    save_legacy(tensors, FOLDER / "legacy.pt")
    save_legacy({"model": {"w": torch.zeros(3)}, "ema": tensors, "opt": {"state": {0: {"exp_avg": torch.ones(3)}}},
                 "args": arguments}, FOLDER / "legacy_train.pt", protocol=4)
    save_python2({"model": tensors, "args": argparse.Namespace(seed=2**40, name="a")}, FOLDER / "python2.pt")

    torch.save({"w": torch.zeros(1).expand(5)}, FOLDER / "bad_expanded.pt")
    torch.save({"w": torch.zeros(2, dtype=torch.complex64)}, FOLDER / "bad_complex.pt")
    torch.save({"w": 1.0}, FOLDER / "bad_no_tensor.pt")
    torch.save([torch.zeros(2)], FOLDER / "bad_list.pt")
    torch.save({}, FOLDER / "bad_empty.pt")
    torch.save(torch.nn.Linear(1, 1), FOLDER / "bad_module.pt")
    small = (FOLDER / "small.pt").read_bytes()
    (FOLDER / "bad_byteorder.pt").write_bytes(small.replace(b"little", b"letter"))


if __name__ == "__main__":
    main()
