#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the reference outputs of the samplers: tests/golden/samplers.safetensors and their description, samplers.json.

Needs `pip install torch diffusers torchdiffeq safetensors numpy` (CPU is enough; the versions used are written into the
description) and a checkout of the official SiT for its stochastic sampler:

    git clone https://github.com/willisma/SiT
    scripts/sampler-oracles.py --sit SiT

The model is a field, A x + B sin(x + C t), so nothing but the sampler shows. Each final is a float64 evaluation by
sampler_formulas.py. The library runs beside it, once with its float32 replaced by float64 and once as it is, and both
distances are kept as "measured"; the first has to vanish.
"""
import argparse
import contextlib
import inspect
import json
import pathlib
import subprocess
import sys
from importlib.metadata import version
from unittest import mock

import numpy as np
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler,
                       UniPCMultistepScheduler)
from safetensors.numpy import save_file
from torchdiffeq import odeint

import sampler_formulas as formulas

SHAPE = (1, 4, 2, 2)
X_T = 1.2 * np.sin(0.37 * np.arange(16) + 0.5).reshape(SHAPE)
NOISE = 0.9 * np.sin(0.71 * np.arange(160) + 2.3).reshape(10, *SHAPE)
DIFFUSION, FLOW = (0.3, 0.1, 0.001), (0.3, 0.1, 1.0)  # A, B, C
QUICK = (-2.0, 4.0, 30.0)  # a flow that tells apart the rules of order 4, and makes dopri5 reject steps
FACTS = ("spaced", "spaced_ddim", "levels", "dpmpp", "unipc", "unipc_weights", "ddim", "sigma_ode", "fixed_steps",
         "dopri5", "path", "sit_sde")


class Field:
    """A x + B sin(x + C t); remembers the times at which it was evaluated."""

    def __init__(self, abc):
        self.abc, self.times = abc, []

    def __call__(self, x, t):
        a, b, c = self.abc
        self.times.append(float(t))
        return a * x + b * (torch.sin if torch.is_tensor(x) else np.sin)(x + c * t)


# --- The libraries: a run evaluates the model and returns the sample.

@contextlib.contextmanager
def arithmetic(dtype):
    """Lets code that asks for float32, in torch or numpy, work in dtype instead."""
    number = {torch.float32: np.float32, torch.float64: np.float64}[dtype]
    with mock.patch.object(torch, "float32", dtype), mock.patch.object(np, "float32", number):
        torch.set_default_dtype(dtype)
        yield


def diffusers_run(dtype, model, scheduler, options, times, noise=None, **step_options):
    s = scheduler(num_train_timesteps=formulas.TRAIN_STEPS, beta_start=1e-4, beta_end=0.02, beta_schedule="linear",
                  prediction_type="epsilon", **options)
    x = torch.tensor(X_T, dtype=dtype)
    if scheduler in (EulerDiscreteScheduler, HeunDiscreteScheduler):
        s.set_timesteps(timesteps=[int(t) for t in times])
        x = x * (1 + s.sigmas[0] ** 2) ** 0.5
    else:
        s.set_timesteps(len(times))
        assert s.timesteps.tolist() == list(times), (s.timesteps, times)
    for i, t in enumerate(s.timesteps):
        given = {} if noise is None else {"variance_noise": torch.tensor(noise[i], dtype=dtype)}
        x = s.step(model(s.scale_model_input(x, t), t.item()), t, x, **given, **step_options).prev_sample
    return x


def torchdiffeq_run(dtype, model, grid, method, **tolerances):
    return odeint(lambda t, x: model(x, t), torch.tensor(X_T, dtype=dtype), torch.tensor(grid, dtype=dtype),
                  method=method, **tolerances)[-1]


def sit_run(dtype, model, case):
    from transport import ModelType, PathType, Sampler, Transport, WeightType
    transport = Transport(model_type=ModelType[case["prediction"].upper()], path_type=PathType[case["path"].upper()],
                          loss_type=WeightType.NONE, train_eps=case["sample_eps"], sample_eps=case["sample_eps"])
    sample = Sampler(transport).sample_sde(sampling_method=case["method"], diffusion_form=case["diffusion_form"],
                                           num_steps=case["num_steps"])
    draws = iter(torch.tensor(NOISE, dtype=dtype))
    with mock.patch.object(torch, "randn", lambda size: next(draws)):
        return sample(torch.tensor(X_T, dtype=dtype), model)[-1]


# --- The cases.

def rel_l2(a, b):
    return float(f"{np.linalg.norm(a - b) / np.linalg.norm(b):.3g}")


class Oracles:
    def __init__(self):
        self.cases, self.tensors = [], {"x_T": X_T}

    def add(self, name, abc, description, own, library, run, noise=None, float32=True):
        """A case. own(model) is the evaluation, run(dtype, model) the library's; no library, no check."""
        model = Field(abc)
        final = own(model)
        measured, tolerance = {}, {"fp64_rel_l2": 1e-11}
        if library:
            distance, times = self.measure(torch.float64, abc, run, final)
            measured[f"{library} float64"] = distance
            each = len(times) // len(model.times)  # SiT evaluates the model once for the drift, once for the score
            assert distance < 1e-12 and np.allclose(times[::each], model.times, rtol=0, atol=1e-9), (name, distance)
        if library and float32:
            measured[f"{library} float32"], _ = self.measure(torch.float32, abc, run, final)
        if float32:
            tolerance["fp32_rel_l2"] = float(f"{max(5e-6, 6 * measured.get(f'{library} float32', 0)):.2g}")
        self.cases.append({"name": name, "field": abc, **description, "evaluations": len(model.times),
                           "tolerance": tolerance, "measured": measured})
        self.tensors[f"final.{name}"] = final
        self.tensors[f"timesteps.{name}"] = np.array(model.times, dtype=np.float64)
        if noise is not None:
            self.tensors[f"noise.{name}"] = noise

    @staticmethod
    def measure(dtype, abc, run, final):
        model = Field(abc)
        with arithmetic(dtype):
            sample = run(dtype, model)
        assert sample.dtype == dtype
        return rel_l2(sample.double().numpy(), final), model.times

    def diffusion(self, name, sampler, own, scheduler, options, times, noise=None, **step_options):
        description = {"process": "diffusion", "sampler": sampler, "steps": len(times), **options, **step_options}
        self.add(f"{name}_{len(times)}", DIFFUSION, description, lambda model: own(model, X_T, times),
                 scheduler and scheduler.__name__,
                 lambda *given: diffusers_run(*given, scheduler, options, times, noise, **step_options), noise)


def add_dpmpp(oracles):
    cases = [(3, spacing, n, None) for spacing in ("linspace", "trailing", "leading") for n in (10, 20)]
    cases += [(2, "linspace", 20, None), (1, "linspace", 20, None)]
    cases += [(1, "linspace", 10, NOISE), (2, "linspace", 10, NOISE)]
    for order, spacing, n, noise in cases:
        kind = "" if noise is None else "_sde"
        options = {"algorithm_type": "dpmsolver++" if noise is None else "sde-dpmsolver++", "solver_order": order,
                   "timestep_spacing": spacing, "solver_type": "midpoint", "lower_order_final": True,
                   "final_sigmas_type": "zero"}
        oracles.diffusion(f"dpmpp{kind}{order}_{spacing}", "dpmpp", lambda *start: formulas.dpmpp(*start, order, noise),
                          DPMSolverMultistepScheduler, options, formulas.spaced(spacing, n), noise)


def add_unipc(oracles):
    for order, spacing, n in [(p, "linspace", n) for p in (1, 2, 3) for n in (10, 20)] + [(3, "trailing", 10)]:
        options = {"solver_order": order, "timestep_spacing": spacing, "solver_type": "bh2", "predict_x0": True,
                   "lower_order_final": True, "final_sigmas_type": "zero"}
        oracles.diffusion(f"unipc{order}_{spacing}", "unipc", lambda *start: formulas.unipc(*start, order),
                          UniPCMultistepScheduler, options, formulas.spaced(spacing, n))


def add_ddim(oracles):
    def own(*start):
        return formulas.ddim(*start, 0.5, NOISE)

    def options(spacing):
        return {"timestep_spacing": spacing, "set_alpha_to_one": True, "clip_sample": False}

    for spacing in ("trailing", "leading"):  # here t - 1000 // n is the next timestep, and diffusers agrees
        oracles.diffusion(f"ddim_eta_{spacing}", "ddim", own, DDIMScheduler, options(spacing),
                          formulas.spaced_ddim(spacing, 10), NOISE, eta=0.5)


def add_sigma_ode(oracles):
    for sampler, scheduler in (("euler", EulerDiscreteScheduler), ("heun", HeunDiscreteScheduler)):
        oracles.diffusion(f"{sampler}_linspace", sampler, lambda *start: formulas.sigma_ode(*start, sampler == "heun"),
                          scheduler, {"timestep_spacing": "linspace"}, formulas.spaced("linspace", 10))


def add_flow(oracles):
    grid = np.linspace(0, 1, 10)
    about = {"process": "flow", "prediction": "velocity", "num_steps": 10}
    for name, method, abc in (("euler", "euler", FLOW), ("heun2", "heun2", FLOW), ("rk4", "rk4", FLOW),
                              ("rk4_quick", "rk4", QUICK)):
        oracles.add(f"flow_{name}", abc, {**about, "sampler": method},
                    lambda model: formulas.fixed_steps(model, X_T, grid, method), "torchdiffeq",
                    lambda *given: torchdiffeq_run(*given, grid, method))
    for name, abc, atol, rtol in (("dopri5", FLOW, 1e-6, 1e-3), ("dopri5_tight", FLOW, 1e-9, 1e-9),
                                  ("dopri5_quick", QUICK, 1e-6, 1e-3)):
        oracles.add(f"flow_{name}", abc, {**about, "sampler": "dopri5", "atol": atol, "rtol": rtol},
                    lambda model: formulas.dopri5(model, X_T, grid, atol, rtol), "torchdiffeq",
                    lambda *given: torchdiffeq_run(*given, grid, "dopri5", atol=atol, rtol=rtol), float32=rtol > 1e-7)


def add_sit_sde(oracles):
    kinds = [(path, "velocity", form, method) for path in ("linear", "gvp") for form in ("SBDM", "sigma", "linear")
             for method in ("Euler", "Heun")]
    kinds += [("vp", "velocity", "SBDM", "Euler"), ("vp", "velocity", "SBDM", "Heun"),
              ("linear", "noise", "SBDM", "Euler"), ("gvp", "score", "sigma", "Heun")]
    for path, prediction, form, method in kinds:
        margin = 0.0 if prediction == "velocity" and form != "SBDM" else 1e-3
        case = {"process": "flow", "prediction": prediction, "num_steps": 10, "sampler": "sde", "path": path,
                "method": method, "diffusion_form": form, "diffusion_norm": 1.0, "last_step": "Mean",
                "last_step_size": 0.04, "sample_eps": margin, "t0": 0.0 if path == "vp" else margin, "t1": 0.96}
        oracles.add(f"sde_{path}_{prediction}_{form}_{method}".lower(), FLOW, case,
                    lambda model: formulas.sit_sde(model, X_T, case, NOISE), "SiT",
                    lambda *given: sit_run(*given, case), NOISE)


def write(oracles, folder, sit):
    save_file(oracles.tensors, folder / "samplers.safetensors")
    versions = {name: version(name) for name in ("torch", "diffusers", "torchdiffeq", "safetensors", "numpy")}
    versions["SiT"] = subprocess.check_output(["git", "-C", sit, "rev-parse", "HEAD"], text=True).strip()
    head = {
        "versions": versions,
        "model": "A x + B sin(x + C t), field = [A, B, C]; diffusion: the predicted noise, t = 0 .. 999, "
                 "linear schedule, beta 1e-4 .. 0.02",
        "x_T": "1.2 sin(0.37 j + 0.5), (1,4,2,2), at t = 0 for the flow",
        "noise": "noise.NAME = 0.9 sin(0.71 j + 2.3), (10,1,4,2,2), used in order",
        "timesteps": "timesteps.NAME: the times of all evaluations in their order, one where drift and score share it",
        "tolerance": "rel_l2 of the final; in float64 times agree to 1e-9 (dopri5 has them from error estimates)",
        "facts": {name: " ".join(inspect.getdoc(getattr(formulas, name)).split()) for name in FACTS},
    }
    lines = [f'"{key}": {json.dumps(value, indent=1 if key == "facts" else None)},\n' for key, value in head.items()]
    cases = ",\n".join(json.dumps(case) for case in oracles.cases)
    (folder / "samplers.json").write_text("{\n" + "".join(lines) + '"cases": [\n' + cases + "\n]}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sit", required=True, type=pathlib.Path, help="checkout of github.com/willisma/SiT")
    parser.add_argument("--out", default=pathlib.Path(__file__).parents[1] / "tests/golden", type=pathlib.Path)
    options = parser.parse_args()
    sys.path.insert(0, str(options.sit))
    torch.set_num_threads(1)

    oracles = Oracles()
    for add in (add_dpmpp, add_unipc, add_ddim, add_sigma_ode, add_flow, add_sit_sde):
        add(oracles)
    write(oracles, options.out, options.sit)


if __name__ == "__main__":
    main()
