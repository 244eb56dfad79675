# SPDX-License-Identifier: Apache-2.0
"""A DyDiT in PyTorch under imposed masks, its routers run and overruled: as published, which computes everything and
multiplies by masks, and as a prototype that leaves out what is off, known on the host beforehand."""
import torch
import torch.nn.functional as F
from torch import nn

import dit


class WidthRouter(nn.Module):
    """Over heads or channel groups, the first of which is always on."""

    def __init__(self, width, heads):
        super().__init__()
        self.router = nn.Linear(width, heads - 1)

    def forward(self, time):
        return self.router(time).sigmoid() > 0.5


class TokenRouter(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mlp_head = nn.Sequential(nn.Linear(width, width // 16), nn.ReLU(), nn.Linear(width // 16, 1))

    def forward(self, x):
        return self.mlp_head(x).squeeze(2).sigmoid() > 0.5


def times_units(x, mask):
    """x (N,T,D) of H equal parts times a mask (N,H)."""
    return (x.unflatten(2, (mask.shape[1], -1)) * mask[:, None, :, None]).flatten(2)


class Block(dit.Block):
    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.attn_rate, self.mlp_rate = WidthRouter(width, heads), WidthRouter(width, heads)
        self.token_selection = TokenRouter(width)

    def forward(self, x, c, time, heads, channels, tokens):
        """-> x, and what its routers say of heads, channels and tokens."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, dim=1)
        mixed = self.attn.mix(dit.modulate(self.norm1(x), shift1, scale1))
        x = x + gate1.unsqueeze(1) * self.attn.proj(times_units(mixed, heads))
        decided = self.attn_rate(time), self.mlp_rate(time), self.token_selection(x)
        hidden = times_units(self.mlp.fc1(dit.modulate(self.norm2(x), shift2, scale2)), channels)
        y = self.mlp.fc2(F.gelu(hidden, approximate="tanh"))
        return x + tokens.unsqueeze(2) * gate2.unsqueeze(1) * y, decided


class DyDiT(dit.DiT):
    """The published semantics under masks (N,depth,H), (N,depth,H) and (N,depth,T)."""

    block = Block

    def forward(self, x, t, y, heads, channels, tokens):
        """-> output, and what all routers say, so that no compiler drops them."""
        masks = [mask.to(x.dtype).unbind(1) for mask in (heads, channels, tokens)]
        x, c, time = self.embed(x, t, y)
        decided = []
        for block, *masks_of_block in zip(self.blocks, *masks):
            x, of_block = block(x, c, time, *masks_of_block)
            decided.append(of_block)
        return self.unpatchify(self.final_layer(x, c)), [torch.stack(axis, 1) for axis in zip(*decided)]


def complete(model):
    """The dense model with the same parameters."""
    with torch.device("meta"):
        dense = dit.DiT(*model.shape)
    state = dense.state_dict().keys()
    dense.load_state_dict({key: value for key, value in model.state_dict().items() if key in state}, assign=True)
    return dense.eval()


def packed(layer, rows=None, columns=None):
    """A linear layer's rows and columns of the units that are on: masks (parts,H), (H)."""
    weight, bias = layer.weight, layer.bias
    if rows is not None:
        weight, bias = (x.unflatten(0, (*rows.shape, -1))[rows].flatten(0, 1) for x in (weight, bias))
    if columns is not None:
        weight = weight.unflatten(1, (len(columns), -1))[:, columns].flatten(1)
    narrow = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    narrow.weight, narrow.bias = nn.Parameter(weight.contiguous()), nn.Parameter(bias)
    return narrow


class CompactBlock(nn.Module):
    """A block with the weights of its heads and groups (H) and the rows of its tokens (N,T) packed beforehand."""

    def __init__(self, block, heads, channels, tokens):
        super().__init__()
        self.norm1, self.norm2, self.adaLN_modulation = block.norm1, block.norm2, block.adaLN_modulation
        self.token_selection = block.token_selection
        self.heads, self.all = int(heads.sum()), bool(tokens.all())
        self.qkv = packed(block.attn.qkv, rows=heads.expand(3, -1))
        self.proj = packed(block.attn.proj, columns=heads)
        self.fc1 = packed(block.mlp.fc1, rows=channels.unsqueeze(0))
        self.fc2 = packed(block.mlp.fc2, columns=channels)
        self.register_buffer("rows", tokens.flatten().nonzero().squeeze(1))
        self.register_buffer("images", self.rows // tokens.shape[1])

    def mlp(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, dim=1)
        mixed = dit.attention(self.qkv(dit.modulate(self.norm1(x), shift1, scale1)), self.heads)
        x = x + gate1.unsqueeze(1) * self.proj(mixed)
        decided = self.token_selection(x)
        if self.all:
            return x + gate2.unsqueeze(1) * self.mlp(dit.modulate(self.norm2(x), shift2, scale2)), decided
        routed, images = x.flatten(0, 1).index_select(0, self.rows), self.images
        y = self.mlp(self.norm2(routed) * (1 + scale2[images]) + shift2[images])
        x.view(-1, x.shape[2]).index_copy_(0, self.rows, routed + gate2[images] * y)
        return x, decided


class Compact(nn.Module):
    """Of one timestep, whose masks are known: heads and channels are those of the first image."""

    def __init__(self, model, heads, channels, tokens):
        super().__init__()
        self.model = complete(model)
        masks = heads[0], channels[0], tokens.transpose(0, 1)
        self.blocks = nn.ModuleList(CompactBlock(*of_block) for of_block in zip(model.blocks, *masks))

    def forward(self, x, t, y):
        x, c, _ = self.model.embed(x, t, y)
        x = x.contiguous()  # else the stream would keep the layout of the patches
        decided = []
        for block in self.blocks:
            x, of_block = block(x, c)
            decided.append(of_block)
        return self.model.unpatchify(self.model.final_layer(x, c)), torch.stack(decided, 1)
