# SPDX-License-Identifier: Apache-2.0
"""A DiT in PyTorch, as its users write it: the peer that the C++ model is timed against."""
import ctypes
import json
import math
import struct

import torch
import torch.nn.functional as F
from torch import nn

FAMILY = {"S": (12, 384, 6), "B": (12, 768, 12), "L": (24, 1024, 16), "XL": (28, 1152, 16)}


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class TimestepEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t):
        frequencies = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32, device=t.device) / 128)
        angles = t[:, None].float() * frequencies
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=1).to(self.mlp[0].weight.dtype))


class PatchEmbed(nn.Module):
    def __init__(self, patch, channels, width):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class LabelEmbedder(nn.Module):
    def __init__(self, classes, width):
        super().__init__()
        self.embedding_table = nn.Embedding(classes + 1, width)

    def forward(self, y):
        return self.embedding_table(y)


def attention(qkv, heads):
    """(N,T,3 W) of so many heads -> (N,T,W)"""
    n, t, width = qkv.shape
    q, k, v = qkv.view(n, t, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, width // 3)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def mix(self, x):
        return attention(self.qkv(x), self.heads)

    def forward(self, x):
        return self.proj(self.mix(x))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attn(modulate(self.norm1(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.norm_final = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(width, outputs)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, c):
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulate(self.norm_final(x), shift, scale))


class DiT(nn.Module):
    block = Block

    def __init__(self, depth, width, heads, patch, size=32, channels=4, classes=1000):
        super().__init__()
        self.shape = depth, width, heads, patch, size, channels, classes
        self.size, self.patch, self.channels, self.classes = size, patch, channels, classes
        self.grid, self.outputs = size // patch, 2 * channels
        self.x_embedder = PatchEmbed(patch, channels, width)
        self.t_embedder = TimestepEmbedder(width)
        self.y_embedder = LabelEmbedder(classes, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, self.grid**2, width), requires_grad=False)
        self.blocks = nn.ModuleList(self.block(width, heads) for _ in range(depth))
        self.final_layer = FinalLayer(width, patch * patch * self.outputs)

    def embed(self, x, t, y):
        """-> tokens, what adaLN reads, and the time embedding alone"""
        time = self.t_embedder(t)
        return self.x_embedder(x) + self.pos_embed, time + self.y_embedder(y), time

    def unpatchify(self, x):
        n, g, p, o = x.shape[0], self.grid, self.patch, self.outputs
        return x.view(n, g, g, p, p, o).permute(0, 5, 1, 3, 2, 4).reshape(n, o, g * p, g * p)

    def forward(self, x, t, y):
        x, c, _ = self.embed(x, t, y)
        for block in self.blocks:
            x = block(x, c)
        return self.unpatchify(self.final_layer(x, c))


def named(name, kind=DiT):
    """S/2 ... XL/8, random weights of a size at which every layer matters."""
    size, patch = name.split("/")
    depth, width, heads = FAMILY[size]
    with torch.device("meta"):  # every parameter is drawn below
        model = kind(depth, width, heads, int(patch))
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.02, generator=generator)
    return model


TYPES = {torch.float32: "F32", torch.int64: "I64"}


def write_tensors(path, tensors):
    """A .safetensors file."""
    header, offset, kept = {}, 0, []
    for key, value in tensors.items():
        kept.append(value.detach().contiguous())
        end = offset + kept[-1].nbytes
        header[key] = {"dtype": TYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in kept:
            file.write(ctypes.string_at(value.data_ptr(), value.nbytes))


def read_tensors(path):
    types = {name: kind for kind, name in TYPES.items()}
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for key, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[key] = torch.frombuffer(content[begin:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors
