#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/data: small images beside the RGB pixels (.ppm) that Pillow makes of them.

    pip install pillow==10.4.0 numpy && tests/data/make_fixtures.py

(Pillow 13 differs by one level in the crop of very tall images.)

formats/ holds kinds of JPEG, PNG and WebP with their decoded pixels, crop<size>/ images with their centre
crop as ADM and DiT cut it, cifar/ the decoded pixels of images in profiles/data/cifar10-sample.zip.
"""
import io
import pathlib
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

tests = pathlib.Path(__file__).resolve().parent.parent
golden = tests / "golden" / "data"


def picture(width, height, channels=3):
    """Smooth colours with a few hard edges, so that rounding and clipping both show."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.float64)
    wave = np.sin(0.31 * x + 0.7 * c) * np.cos(0.23 * y - 0.4 * c) + np.sin(0.05 * x * y + c)
    edges = ((x // 5 + y // 7 + c) % 3 == 0) * 1.5
    return np.clip(127.5 + 60 * (wave + edges - 0.5), 0, 255).astype(np.uint8)


def write_ppm(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").save(path.with_suffix(".ppm"))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, values, colour_type, depth, interlaced=False):
    """For the kinds of PNG that Pillow does not write; `values` are bytes (height, width, n)."""
    height, width = values.shape[:2]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x, y, across, down in passes if interlaced else [(0, 0, 1, 1)]:
        data += b"".join(b"\0" + row.tobytes() for row in values[y::down, x::across])
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def formats():
    folder = golden / "formats" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    colour = Image.fromarray(picture(24, 24))
    grey = Image.fromarray(picture(24, 24, 1)[:, :, 0])
    alpha = Image.fromarray(picture(24, 24, 4), "RGBA")
    colour.save(folder / "jpeg_420.jpg", quality=90)
    colour.save(folder / "jpeg_444_progressive.jpeg", quality=95, subsampling=0, progressive=True)
    colour.convert("CMYK").save(folder / "jpeg_cmyk.jpg", quality=95)
    grey.save(folder / "jpeg_grey.JPG", quality=90)
    colour.save(folder / "png_rgb.png")
    alpha.save(folder / "png_rgba.png")
    grey.save(folder / "png_grey.png")
    alpha.convert("LA").save(folder / "png_grey_alpha.png")
    grey.convert("1").save(folder / "png_1bit.png")
    colour.quantize(13).save(folder / "png_palette.png", transparency=3)
    colour.save(folder / "png_gamma.png", pnginfo=gamma())
    write_png(folder / "png_rgb_interlaced.png", picture(24, 24), 2, 8, interlaced=True)
    write_png(folder / "png_rgb_16bit.png", picture(24, 24, 6), 2, 16)
    webp(folder, colour, alpha)
    for path in folder.iterdir():
        if path.suffix != ".ppm":
            write_ppm(path, Image.open(path))
    # Pillow clips 16-bit greyscale to 255 instead of scaling it; here it keeps its high byte.
    wide = picture(24, 24, 2)
    write_png(folder / "png_grey_16bit.png", wide, 0, 16)
    write_ppm(folder / "png_grey_16bit.png", Image.fromarray(wide[:, :, 0]))


def webp(folder, colour, alpha):
    colour.save(folder / "webp_lossy.webp", quality=80)
    colour.save(folder / "webp_lossless.WEBP", lossless=True)
    colour.quantize(13).convert("RGB").save(folder / "webp_palette.webp", lossless=True)
    alpha.save(folder / "webp_lossy_alpha.webp", quality=80)
    alpha.save(folder / "webp_lossless_alpha.webp", lossless=True, exact=True)
    # Pillow's first frame covers the canvas; here it is 16 x 12 at (4, 6), as other tools write it.
    frames = [io.BytesIO(), io.BytesIO()]
    for frame, part in zip(frames, (alpha.crop((0, 0, 16, 12)), colour)):
        part.save(frame, "WEBP", lossless=True, exact=True)
    place = [struct.pack("<5L", 2, 3, 15, 11, 100), struct.pack("<5L", 0, 0, 23, 23, 100)]
    place = [b"".join(struct.pack("<L", n)[:3] for n in struct.unpack("<5L", p)) + b"\0" for p in place]
    body = riff(b"VP8X", b"\x12\0\0\0" + struct.pack("<L", 23)[:3] * 2) + riff(b"ANIM", bytes(6))
    for frame, where in zip(frames, place):
        data = frame.getvalue()
        body += riff(b"ANMF", where + data[data.index(b"VP8L"):])
    (folder / "webp_animated.webp").write_bytes(riff(b"RIFF", b"WEBP" + body))


def riff(kind, data):
    return kind + struct.pack("<L", len(data)) + data + bytes(len(data) % 2)


def gamma():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    return info


def centre_crop(image, size):
    """What ADM's and DiT's center_crop_arr computes."""
    while min(image.size) >= 2 * size:
        image = image.resize(tuple(side // 2 for side in image.size), Image.Resampling.BOX)
    scale = size / min(image.size)
    image = image.resize(tuple(round(side * scale) for side in image.size), Image.Resampling.BICUBIC)
    left, top = ((side - size) // 2 for side in image.size)
    return image.crop((left, top, left + size, top + size))


def crops():
    sizes = {16: [(75, 53), (16, 16), (32, 32), (33, 140), (31, 31)], 32: [(32, 49), (20, 13), (63, 64), (61, 2)]}
    for size, sides in sizes.items():
        for width, height in sides:
            path = golden / f"crop{size}" / "images" / f"{width}x{height}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(picture(width, height))
            image.save(path)
            write_ppm(path, centre_crop(image, size))


def cifar():
    with zipfile.ZipFile(tests.parent / "profiles" / "data" / "cifar10-sample.zip") as sample:
        for name in ["airplane/0000.jpg", "frog/0007.jpg", "truck/0199.jpg"]:
            with sample.open(name) as file:
                write_ppm(golden / "cifar" / name, Image.open(file))


if __name__ == "__main__":
    formats()
    crops()
    cifar()
