#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one tiny DiT into golden/diffusers, in every form that diffusers' save_pretrained has, and under the official
names in official.safetensors. Needs PyTorch; forward.safetensors is written where diffusers is installed too."""
import importlib.util
import json
import pathlib

import torch

from make_fixtures import write_safetensors

FOLDER = pathlib.Path(__file__).parents[1] / "golden" / "diffusers"
WIDTH, HEADS, DEPTH, PATCH, CHANNELS, SIZE, CLASSES = 4, 2, 2, 2, 4, 4, 3
CONFIG = {"_class_name": "DiTTransformer2DModel", "_diffusers_version": "0.35.1", "activation_fn": "gelu-approximate",
          "attention_bias": True, "attention_head_dim": WIDTH // HEADS, "dropout": 0.0, "in_channels": CHANNELS,
          "norm_elementwise_affine": False, "norm_eps": 1e-05, "norm_num_groups": 32, "norm_type": "ada_norm_zero",
          "num_attention_heads": HEADS, "num_embeds_ada_norm": CLASSES, "num_layers": DEPTH,
          "out_channels": 2 * CHANNELS, "patch_size": PATCH, "sample_size": SIZE, "upcast_attention": False}
MODEL = "diffusion_pytorch_model"


def both_names():
    """The same values under the names of diffusers and under the official ones."""
    generator = torch.Generator().manual_seed(2)
    theirs, official = {}, {}

    def layer(their_name, name, *shape):
        for part, dimensions in (("weight", shape), ("bias", shape[:1])):
            official[f"{name}.{part}"] = torch.randn(dimensions, generator=generator)
            if their_name:
                theirs[f"{their_name}.{part}"] = official[f"{name}.{part}"]

    layer("pos_embed.proj", "x_embedder.proj", WIDTH, CHANNELS, PATCH, PATCH)
    layer(None, "t_embedder.mlp.0", WIDTH, 256)
    layer(None, "t_embedder.mlp.2", WIDTH, WIDTH)
    official["y_embedder.embedding_table.weight"] = torch.randn(CLASSES + 1, WIDTH, generator=generator)
    for i in range(DEPTH):
        block, their_block = f"blocks.{i}", f"transformer_blocks.{i}"
        embedder = f"{their_block}.norm1.emb"
        for part in "weight", "bias":
            for number in 0, 1:
                theirs[f"{embedder}.timestep_embedder.linear_{number + 1}.{part}"] = official[f"t_embedder.mlp.{2 * number}.{part}"]
        theirs[f"{embedder}.class_embedder.embedding_table.weight"] = official["y_embedder.embedding_table.weight"]
        layer(f"{their_block}.norm1.linear", f"{block}.adaLN_modulation.1", 6 * WIDTH, WIDTH)
        layer(None, f"{block}.attn.qkv", 3 * WIDTH, WIDTH)
        for part in "weight", "bias":
            for third, value in zip(("to_q", "to_k", "to_v"), official[f"{block}.attn.qkv.{part}"].chunk(3)):
                theirs[f"{their_block}.attn1.{third}.{part}"] = value
        layer(f"{their_block}.attn1.to_out.0", f"{block}.attn.proj", WIDTH, WIDTH)
        layer(f"{their_block}.ff.net.0.proj", f"{block}.mlp.fc1", 4 * WIDTH, WIDTH)
        layer(f"{their_block}.ff.net.2", f"{block}.mlp.fc2", WIDTH, 4 * WIDTH)
    layer("proj_out_1", "final_layer.adaLN_modulation.1", 2 * WIDTH, WIDTH)
    layer("proj_out_2", "final_layer.linear", PATCH * PATCH * 2 * CHANNELS, WIDTH)
    return theirs, official


def position_embedding():
    """Of the official code, in float64: sine then cosine of the column, and of the row."""
    grid = SIZE // PATCH
    frequencies = 10000.0 ** (-torch.arange(WIDTH // 4, dtype=torch.float64) / (WIDTH // 4))
    line = torch.arange(grid, dtype=torch.float64)[:, None] * frequencies
    line = torch.cat([line.sin(), line.cos()], 1)
    return torch.cat([line.repeat(grid, 1), line.repeat_interleave(grid, 0)], 1).float()[None]


def write_shards(folder, ending, tensors, write):
    names = sorted(tensors)
    halves = names[::2], names[1::2]
    files = [f"{MODEL}-0000{i}-of-00002.{ending}" for i in (1, 2)]
    for file, half in zip(files, halves):
        write({name: tensors[name] for name in half}, folder / file)
    index = {"metadata": {"total_size": sum(tensor.numel() * 4 for tensor in tensors.values())},
             "weight_map": {name: file for file, half in zip(files, halves) for name in half}}
    (folder / f"{MODEL}.{ending}.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_forward():
    """What diffusers itself computes, with the official frequencies of the timestep and epsilon of the norms."""
    from diffusers import DiTTransformer2DModel
    dit = DiTTransformer2DModel.from_pretrained(FOLDER / "sharded").eval()
    for block in dit.transformer_blocks:
        block.norm1.emb.time_proj.downscale_freq_shift = 0
        block.norm3.eps = 1e-6
    x = torch.randn(3, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
    t, y = torch.tensor([3, 500, 999]), torch.tensor([0, 2, CLASSES])
    # Rounded correctly: libraries of mathematics differ by an ulp in float32, which t = 999 would make 6e-5.
    exp = torch.exp
    torch.exp = lambda exponents: exp(exponents.double()).float()
    with torch.no_grad():
        out = dit(x, t, y).sample
    torch.exp = exp
    write_safetensors(FOLDER / "forward.safetensors", {"x": x, "t": t, "y": y, "out": out}, pad_to=8)


def main():
    theirs, official = both_names()
    folders = {name: FOLDER / name for name in ("single", "sharded", "sharded_bin", "pipeline/transformer")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    write_safetensors(folders["single"] / f"{MODEL}.safetensors", theirs, pad_to=8)
    write_shards(folders["sharded"], "safetensors", theirs, lambda part, path: write_safetensors(path, part, pad_to=8))
    clones = {name: tensor.clone() for name, tensor in theirs.items()}
    write_shards(folders["sharded_bin"], "bin", clones, torch.save)
    # As the published pipelines have it: the older class, one .bin.
    pipeline = folders["pipeline/transformer"]
    (pipeline / "config.json").write_text(json.dumps(CONFIG | {"_class_name": "Transformer2DModel"}, indent=2) + "\n")
    torch.save(clones, pipeline / f"{MODEL}.bin")
    (FOLDER / "pipeline" / "model_index.json").write_text('{"_class_name": "DiTPipeline"}\n')
    official["pos_embed"] = position_embedding()
    write_safetensors(FOLDER / "official.safetensors", official, pad_to=8)
    if importlib.util.find_spec("diffusers"):
        write_forward()
    else:
        print("no diffusers: forward.safetensors is left as it is")


if __name__ == "__main__":
    main()
