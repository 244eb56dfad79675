#!/usr/bin/env python3
"""Writes seeds for every fuzzer, from the fixtures and the records of this repository: make_seeds.py OUT"""
import io
import json
import pathlib
import sys
import zipfile

root = pathlib.Path(__file__).resolve().parents[2]
golden = root / "tests" / "golden"
out = pathlib.Path(sys.argv[1])
largest = 1 << 16


def write(fuzzer, name, content):
    if len(content) > largest:
        return
    folder = out / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists() or (folder / name).read_bytes() != content:
        (folder / name).write_bytes(content)  # another run may be reading it


def name_of(path):
    return "-".join(path.relative_to(root).parts)


def files(*patterns):
    return sorted(path for pattern in patterns for path in root.glob(pattern) if path.stat().st_size <= 1 << 20)


for path in files("tests/golden/**/*.pt", "tests/golden/**/*.bin"):
    content = path.read_bytes()
    write("torch", name_of(path), content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.namelist():
                if entry.endswith("data.pkl"):
                    write("torch", name_of(path) + ".pkl", archive.read(entry))
    except Exception:
        pass  # a hostile file

for path in files("tests/golden/**/*.safetensors"):
    content = path.read_bytes()
    write("safetensors", name_of(path), content)
    if content[8:9] == b"{":
        write("safetensors", name_of(path) + ".json", content[8:8 + int.from_bytes(content[:8], "little")])

images = files("tests/golden/data/**/*.png", "tests/golden/data/**/*.[jJ]*", "tests/golden/data/**/*.[wW]*")
for path in images:
    write("images", name_of(path), path.read_bytes())
for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for number, path in enumerate(sorted(images, key=lambda path: path.stat().st_size)[:6]):
            archive.writestr(f"{'ab'[number % 2]}/{path.name}", path.read_bytes())
        archive.writestr("labels.json", '{"a": 1, "b": 0, "classes": 3}')
    write("images", name + ".zip", content.getvalue())
content = io.BytesIO()
with zipfile.ZipFile(content, "w") as archive:  # names as Windows writes them, folders around, other kinds
    for name in ("set\\e\u0301\\0.png", "set/b/0.PNG", "./set/b/1.bmp", "set/b/x/2.png", "README", "__MACOSX/._0.png"):
        archive.writestr(name, images[0].read_bytes())
    archive.writestr("set/labels.json", '{"\u00e9": 1, "b": 0}')
write("images", "around.zip", content.getvalue())


def plain_jpeg(side, components, data):
    """A progressive JPEG of one colour: `data` bytes of blocks of one bit each, the least that an encoder can write."""
    def segment(marker, content):
        return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content

    numbers = range(1, components + 1)
    frame = bytes([8]) + 2 * side.to_bytes(2, "big") + bytes([components])
    scan = bytes([components]) + b"".join(bytes([i, 0]) for i in numbers) + bytes(3)
    return (b"\xFF\xD8" + segment(0xDB, bytes([0] + [1] * 64))
            + segment(0xC2, frame + b"".join(bytes([i, 0x11, 0]) for i in numbers))
            + segment(0xC4, bytes([0, 1] + [0] * 16)) + segment(0xDA, scan) + bytes(data) + b"\xFF\xD9")


write("images", "plain.jpg", plain_jpeg(1024, 4, 4 * 128 * 128 // 8))
write("images", "too-plain.jpg", plain_jpeg(5776, 4, 65_300))
array = (b"\x93NUMPY\x01\x00\x46\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".ljust(69) + b"\n"
         + bytes(24))
write("npz", "array.npy", array)
for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("arr_0.npy", array)
        archive.writestr("mu.npy", array)
    write("npz", name + ".npz", content.getvalue())
write("images", "labels.json", b'{"a": 1, "b": 0, "classes": 3}')

for path in files("profiles/**/*.toml"):
    write("profile", name_of(path), path.read_bytes())

# 3 images of 4 x 4 with 2 channels at 2 timesteps, in one file for all records.
tensors = bytes([3, 2, 2, 4, 4]) + bytes([0, 1, 2, 3]) + bytes([0, 20, 90]) + bytes([0, 5, 5, 6])
tensors += bytes([0, *range(40, 46)]) * 2 + bytes([0, *range(96)]) + bytes([0, *range(250, 154, -1)])
for path in files("reports/*/manifest.json", "profiles/**/manifest.json"):
    lines = (path.parent / "results.jsonl").read_bytes().splitlines(keepends=True)
    for count in (0, 1, 4):
        write("records", f"{name_of(path)}-{count}", path.read_bytes() + b"\0" + b"".join(lines[:count]))
    write("records", f"{name_of(path)}-last", b'{"schema": 1}\0' + b"".join(lines[-3:]))
    for study in ("loss-gap", "loss-map", "train"):
        cells = [json.loads(line) for line in lines]
        models = {cell["axes"]["model"]: cell for cell in cells if cell["study"] == study}  # the last of each
        for cell in models.values():
            cell["tensors"] = ["t"]
        text = "".join(json.dumps(cell) + "\n" for cell in models.values()).encode()
        if models:
            write("report", f"{name_of(path)}-{study}", path.read_bytes() + b"\0" + text + b"\0" + tensors)

# Short ones: a change of a byte is likely to be one of sizes.
for study in ("loss-gap", "loss-map"):
    axes = {"model": "a", "patch": 2, "draws": 8}
    cell = {"schema": 1, "cell": "c", "study": study, "axes": axes, "status": "ok", "metrics": {}, "tensors": ["t"]}
    write("report", study, b'{"schema": 1}\0' + json.dumps(cell).encode() + b"\0" + tensors)

# Entries of manifests: sound ones, and each with a part of another type.
manifest = {"schema": 1, "process": {"name": "flow", "path": "linear", "prediction": "velocity", "loss_weight": "none"},
            "engines": [{"name": "flat", "executes": "kept"}],
            "models": [{"name": name, "configuration": {}, "dense": {"depth": 3}, "summary": "depth 3", "units": units}
                       for name, units in (("a", [{"name": "heads", "label": "heads", "layers": 4, "scope": "timestep"},
                                                  {"name": "tokens", "scope": "token"}]), ("b", []))]}
records = [{"schema": 1, "cell": f"{study}-{name}", "study": study, "axes": {"model": name, "patch": 2, "draws": 8},
            "status": "ok", "metrics": {}, "tensors": ["t"]}
           for study, names in (("activation", "a"), ("loss-gap", "ab")) for name in names]
records.append({"schema": 1, "cell": "s", "study": "speed", "status": "ok", "tensors": [],
                "axes": {"model": "a", "engine": "flat", "which": "layers", "keep": 0.5, "batch": 4, "dtype": "float32",
                         "device": "cpu", "threads": 2, "guidance": 1.5},
                "metrics": {"time": {"value": 1.5, "unit": "ms"}}})
text = "".join(json.dumps(record) + "\n" for record in records).encode()


def other_types(value):
    """The value with one part of it in the place of which a number, a text or a list stands."""
    yield from (other for other in (7, "x", [7]) if other != value)
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for other in other_types(value[key]):
            copy = json.loads(json.dumps(value))
            copy[key] = other
            yield copy


for number, entries in enumerate([manifest, *other_types(manifest)]):
    if isinstance(entries, dict):
        write("report", f"manifest-{number}", json.dumps(entries).encode() + b"\0" + text + b"\0" + tensors)

parts = ("dense", "without_routers", "dense_fixed", "dense_attention", "dense_products", "fixed", "attention", "products",
         "routed", "together", "path", "path_fixed", "path_routed")
shares = ("rho", "attention_share", "attention_share_left", "products_share", "products_share_left", "routers_share")
units = {"time": "ms", "speedup": "", "realisation": "", "theoretical_speedup": "", "gmacs": "GMACs"}
units |= {f"{part}_time": "ms" for part in parts} | {share: "" for share in shares}
cells = [{"schema": 1, "cell": f"{engine}{which}", "study": "speed", "status": "ok",
          "axes": {"model": "DiT-S/2", "engine": engine, "which": which, "keep": keep, "batch": 4, "dtype": "float32",
                   "device": "cpu", "threads": 2},
          "metrics": {name: {"value": 1.5, "unit": unit, "ci95": [1, 2], "blocks": [[i + 1] for i in range(6)]}
                      for name, unit in units.items()}}
         for engine, which, keep in (("dense", "all", 1), ("masked", "both", 0.5), ("compact", "all", 1),
                                     ("compact", "both", 0.5), ("compact", "tokens", [0.7, 0.6, 0.5]))]
text = "".join(json.dumps(cell) + "\n" for cell in cells)
write("report", "speed", b'{"schema": 1}\0' + text.encode() + b"\0" + tensors)

units = {"image_time": "ms", "sampling_gmacs": "GMACs", "sampling_gmacs_guided": "GMACs", "sampling_speedup": "",
         "sampling_speedup_own": "", "sampling_theory": "", "multiplied_speedup": "", "multiplied_share": "",
         "blocks_run": "", "passes": "", "full_passes": "", "activation_memory": "MB", "cache_memory": "MB"}
units |= {f"{stage}_image_time": "ms" for stage in ("reference", "solver", "cached")}
units |= {f"{stage}_gmacs": "GMACs" for stage in ("reference", "solver", "cached")}
cells = [{"schema": 1, "cell": f"{engine}{cache}{steps}", "study": "sampling", "status": "ok",
          "axes": {"model": "a", "engine": engine, "which": which, "cache": cache, "sampler": "ddim", "steps": steps,
                   "batch": 4, "guidance": 1.5, "dtype": "float32", "device": "cpu", "threads": 2},
          "metrics": {name: {"value": 1, "unit": unit, "ci95": [0.5, 2], "blocks": [[i + 1] for i in range(6)]}
                      for name, unit in units.items()}}
         for engine, which in (("dense", "all"), ("compact", "own")) for cache in ("none", "fora:2") for steps in (50, 10)]
text = "".join(json.dumps(cell) + "\n" for cell in cells)
write("report", "sampling", b'{"schema": 1}\0' + text.encode() + b"\0" + tensors)
del cells[-1]["metrics"]["image_time"]["blocks"]  # one cell, small: a change of a byte is likely to be one of its axes
write("report", "sampling-one", b'{"schema": 1}\0' + json.dumps(cells[-1]).encode() + b"\0" + tensors)

# A profile of two cells with kernels, gaps and ranges of one cell alone; and one of a single row, small.
units = {"time": "ms", "collected_time": "ms", "remainder_time": "ms", "lost_records": "", "malformed_records": "",
         "gmacs": "GMACs", "product_ceiling": "GMAC/s", "copy_ceiling": "GB/s"}
rows = (("pass/mlp/fc1", "void gemm_64x8<float, 1>(int)", 4), ("pass/mlp", "gelu", 0), ("pass", "(host)", None))
kernel_units = {"kernel_time": "ms", "kernel_calls": "", "kernel_gmacs": "GMACs", "kernel_bytes": "MB",
                "kernel_bound": "ms", "registers": "", "occupancy": ""}
cells = []
for engine, which, keep, shrunk in (("dense", "all", 1, 1), ("compact", "both", 0.5, 0.5)):
    axes = {"model": "a", "engine": engine, "which": which, "keep": keep, "batch": 4, "dtype": "float32", "device": "cpu",
            "threads": 2}
    cells.append({"schema": 1, "cell": engine, "study": "profile", "status": "ok", "axes": axes,
                  "metrics": {name: {"value": 2, "unit": unit, "ci95": [1, 3]} for name, unit in units.items()}})
    of_cell = rows + ((("pass/gather", "index", 0), ("pass/gather", "(launch)", None)) if shrunk < 1 else ())
    for number, (path, kernel, gmacs) in enumerate(of_cell):
        values = {"kernel_time": 3 - number / 2, "kernel_calls": 1}
        if gmacs is not None:
            values |= {"kernel_gmacs": gmacs * shrunk, "kernel_bytes": 8, "kernel_bound": 1, "registers": 32, "occupancy": 0.5}
        cells.append({"schema": 1, "cell": f"{engine}{number}", "study": "kernel", "status": "ok",
                      "axes": axes | {"range": path, "kernel": kernel},
                      "metrics": {name: {"value": value, "unit": kernel_units[name]} for name, value in values.items()}})
for name, some in (("profile", cells), ("profile-one", cells[:2])):
    text = "".join(json.dumps(cell) + "\n" for cell in some)
    write("report", name, b'{"schema": 1}\0' + text.encode() + b"\0" + tensors)

# What units of a block cost.
cells = []
for unit, on, ms in (("heads", 1, 2), ("heads", 2, 2), ("tokens", 0, 1), ("tokens", 4, 2)):
    cells.append({"schema": 1, "cell": f"{unit}{on}", "study": "costs", "status": "ok",
                  "axes": {"model": "a", "engine": "compact", "batch": 4, "unit": unit, "on": on, "dtype": "float32"},
                  "metrics": {"block_time": {"value": ms, "unit": "ms", "ci95": [1, 3]},
                              "lambda_realised": {"value": ms / 2, "unit": ""}}})
write("report", "costs", b'{"schema": 1}\0' + "".join(json.dumps(cell) + "\n" for cell in cells).encode() + b"\0" + tensors)

# Ranges, an operator in one, calls, and what they ask for: kind, begin, end and numbers, a byte each (timeline.cpp).
start = bytes([1, 120, 1, 3, 113, 107, 118, 0, 0, 250 - 1, 0, 0, 7])
write("timeline", "empty", b"")
write("timeline", "host", start + bytes([0, 10, 100, 0, 0, 1, 0]) + bytes([8, 20, 90, 0, 1, 1, 0]))
write("timeline", "gpu", start + bytes([0, 10, 100, 0, 0, 1, 0]) + bytes([1, 20, 25, 2, 99, 99, 0, 1])
      + bytes([2, 40, 60, 2, 109, 109, 0, 0, 1, 0]) + bytes([2, 60, 80, 2, 110, 110, 0, 0, 1, 3]) + bytes([3, 0, 0, 3, 1, 97, 0]))
write("timeline", "strange", start + bytes([0, 100, 10, 7, 7, 7, 7]) + bytes([2, 255]) + bytes(range(200, 256)))


# Results of benchmarks of two sides, as Google Benchmark and nvbench write them.
def google(scale):
    row = {"name": "copy<int>/8", "family_index": 0, "per_family_instance_index": 0, "run_name": "copy<int>/8",
           "run_type": "iteration", "repetitions": 2, "repetition_index": 0, "threads": 1, "iterations": 10,
           "real_time": 240 * scale, "cpu_time": 140, "time_unit": "ns", "INSTRUCTIONS": 12345.0,
           "allocs_per_iter": scale, "max_bytes_used": 42, "total_allocated_bytes": 128, "label": "l"}
    failed = {"name": "broken", "run_name": "broken", "run_type": "iteration", "repetition_index": 0,
              "error_occurred": True, "error_message": "no | device", "real_time": 0.0, "cpu_time": 0.0}
    rows = [row, row | {"repetition_index": 1}, failed, failed | {"name": "left", "run_name": "left", "skipped": True}]
    rows += [{"name": f"sum_{kind}", "run_name": "sum", "run_type": "aggregate", "aggregate_name": kind,
              "real_time": 8 / scale, "cpu_time": 8, "time_unit": "ms"} for kind in ("mean", "median", "cv")]
    return json.dumps({"context": {"num_cpus": 2}, "benchmarks": rows}).encode()


def nvbench(time):
    value = [{"name": "value", "type": "float64", "value": str(time)}]
    state = {"name": "Device=0 T=F32", "device": 0, "axis_values": [{"name": "T", "type": "string", "value": "F32"}],
             "summaries": [{"tag": f"nv/cold/time/gpu/{kind}", "name": "GPU Time", "hint": "duration", "data": value}
                           for kind in ("mean", "median")], "is_skipped": False}
    skipped = {"device": 1, "axis_values": None, "summaries": None, "is_skipped": True, "skip_reason": "too large"}
    host = {"summaries": [{"tag": "nv/cpu_only/time/cpu/mean", "data": value}]}
    return json.dumps({"devices": [], "benchmarks": [{"name": "copy", "index": 0, "states": [state, skipped]},
                                                     {"name": "host", "states": [host]}]}).encode()


def short_rows(count):
    return json.dumps({"benchmarks": [{"name": str(i), "real_time": 1 + i} for i in range(count)]}).encode()


write("results", "google", google(1))
write("results", "google-slower", google(1) + b"\0" + google(2))
write("results", "nvbench", nvbench(2.5e-6))
write("results", "nvbench-faster", nvbench(2.5e-6) + b"\0" + nvbench("1e-6"))
write("results", "both", google(1) + b"\0" + nvbench(1))
write("results", "many", short_rows(700) + b"\0" + short_rows(701))
write("results", "one", b'{"benchmarks":[{"name":"a","real_time":1}]}\0{"benchmarks":[{"name":"a","real_time":2}]}')
