# SPDX-License-Identifier: Apache-2.0
"""Plain float64 evaluations of the samplers, for sampler-oracles.py, which also writes each docstring into
samplers.json.

A sampler takes `model(x, t)`, the start x and the times, and returns the sample. Diffusion: t is a timestep of
0..999, the model predicts the noise. Flow matching: noise at t = 0, data at t = 1.
"""
import numpy as np

TRAIN_STEPS = 1000
ALPHA_BAR = np.cumprod(1 - np.linspace(1e-4, 0.02, TRAIN_STEPS))


def spaced(spacing, n):
    """Timesteps of DPMSolverMultistepScheduler and UniPCMultistepScheduler (steps_offset 0), noisiest first.

    - linspace: round(linspace(0, 999, n + 1)) without the 0. Rounding is half to even (n = 6: 166.5 becomes 166).
    - leading: k (1000 // (n + 1)) for k = n .. 1, without the 0. steps_offset would be added here only.
    - trailing: round(1000 - k 1000 / n) - 1 for k = 0 .. n - 1. For 62 values of n (61, 103, 121, 122, 201 ...)
      diffusers makes one timestep too many, -1, since numpy's arange goes too far: do not copy that.

    The Euler and Heun schedulers space their timesteps as DDIM does, but do not round linspace (t and sigma are
    fractional); the cases here set their timesteps to those above.
    """
    if spacing == "linspace":
        return np.linspace(0, TRAIN_STEPS - 1, n + 1).round()[:0:-1].astype(int)
    if spacing == "leading":
        return np.arange(n, 0, -1) * (TRAIN_STEPS // (n + 1))
    return np.arange(TRAIN_STEPS, 0, -TRAIN_STEPS / n).round().astype(int) - 1


def spaced_ddim(spacing, n):
    """Timesteps of DDIMScheduler (steps_offset 0), noisiest first; they differ from those of DPM-Solver.

    linspace: round(linspace(0, 999, n)), with the 0. leading: k (1000 // n) for k = n - 1 .. 0. Both end at 0.
    trailing: as DPM-Solver.
    """
    if spacing == "linspace":
        return np.linspace(0, TRAIN_STEPS - 1, n).round()[::-1].astype(int)
    if spacing == "leading":
        return np.arange(n - 1, -1, -1) * (TRAIN_STEPS // n)
    return spaced(spacing, n)


def levels(times):
    """alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar), lambda = log(alpha / sigma) at the n timesteps, and as
    entry n the end: alpha = 1, sigma = 0, lambda = infinity."""
    alpha_bar = np.append(ALPHA_BAR[times], 1.0)
    alpha, sigma = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
    with np.errstate(divide="ignore"):
        return alpha, sigma, np.log(alpha) - np.log(sigma)


def dpmpp(model, x, times, order, noise=None):
    """Multistep DPM-Solver++ (arXiv 2211.01095), midpoint; SDE-DPM-Solver++ if there is noise.

    - Order of step i of n: min(order, i + 1). The last step has order 1 for every n, since the final sigma is zero:
      the result is its data prediction. Below 15 steps the last but one has order 2 at most; from 15 on it keeps 3.
    - Order 2 is the midpoint formula. Order 3 has one form; its D1 is that of order 2 plus r0 D2.
    - Stochastic: exp(-2h) in place of exp(-h) in the weights of the data predictions, x times sigma'/sigma exp(-h).
      noise[i] is multiplied by sigma' sqrt(1 - exp(-2h)), 0 at the last step; sigma = sqrt(1 - alpha_bar).
    """
    alpha, sigma, lam = levels(times)
    n, m = len(times), []  # data predictions, newest first
    for i, t in enumerate(times):
        m.insert(0, (x - sigma[i] * model(x, t)) / alpha[i])
        p = min(order, i + 1, n - i if n < 15 else order)
        if i == n - 1:
            p = 1
        h = lam[i + 1] - lam[i]
        decay = np.exp(-h if noise is None else -2 * h)
        ahead = (1 - decay) * m[0]
        if p > 1:
            r0 = (lam[i] - lam[i - 1]) / h
            d = (m[0] - m[1]) / r0
        if p == 2:
            ahead += 0.5 * (1 - decay) * d
        if p == 3:
            r1 = (lam[i - 1] - lam[i - 2]) / h
            d2 = (d - (m[1] - m[2]) / r1) / (r0 + r1)
            ahead += (1 - (1 - decay) / h) * (d + r0 * d2) - ((decay - 1 + h) / h**2 - 0.5) * d2
        if noise is None:
            x = sigma[i + 1] / sigma[i] * x + alpha[i + 1] * ahead
        else:
            x = sigma[i + 1] / sigma[i] * np.exp(-h) * x + alpha[i + 1] * ahead
            x = x + sigma[i + 1] * np.sqrt(1 - decay) * noise[i]
    return x


def unipc_weights(r, h):
    """rho of R rho = b: R_kj = r_j^(k-1), b_k = k! psi_k / B, B = exp(-h) - 1 (bh2), psi_1 = B / -h - 1,
    psi_(k+1) = psi_k / -h - 1 / (k+1)!; r in units of h, negative for earlier points."""
    rows, right, psi, factorial = [], [], np.expm1(-h) / -h - 1, 1
    for k in range(1, len(r) + 1):
        rows.append(np.power(r, k - 1))
        right.append(psi * factorial / np.expm1(-h))
        factorial *= k + 1
        psi = psi / -h - 1 / factorial
    return np.linalg.solve(np.array(rows), np.array(right))


def unipc(model, x, times, order):
    """Multistep UniPC (arXiv 2302.04867), data prediction, bh2. One evaluation of the model a step.

    - Order of the predictor at step i of n: min(order, i + 1, n - i), for every n (no limit of 15 steps).
    - Corrector, at step i > 0: the model is evaluated at the predicted x; then the step before is made again from its
      start, with that data prediction as one more point (r = 1) and the order that its predictor had. The model is not
      evaluated again: data predictions belong to the predicted x, and the next predictor starts from the corrected x.
    - The last step has order 1 to sigma = 0, no corrector after it: the result is the data prediction at the last
      timestep, and the correction made just before does not show.
    - rho is 1/2 for the predictor of order 2 and for the corrector of order 1, else it solves R rho = b.
    """
    alpha, sigma, lam = levels(times)
    n, m = len(times), []

    def move(x, i, differences, rho):
        """From level i to i + 1; `differences` are to the data prediction at i."""
        data = m[i] + sum(w * d for w, d in zip(rho, differences))
        return sigma[i + 1] / sigma[i] * x - alpha[i + 1] * np.expm1(lam[i] - lam[i + 1]) * data

    def earlier(i, p):
        """The p - 1 points before i and the differences to them over their r."""
        r = [(lam[i - k] - lam[i]) / (lam[i + 1] - lam[i]) for k in range(1, p)]
        return r, [(m[i - k] - m[i]) / r[k - 1] for k in range(1, p)]

    for i, t in enumerate(times):
        m.append((x - sigma[i] * model(x, t)) / alpha[i])
        if i > 0:
            r, differences = earlier(i - 1, p)
            rho = [0.5] if p == 1 else unipc_weights(np.array(r + [1.0]), lam[i] - lam[i - 1])
            x = move(before, i - 1, differences + [m[i] - m[i - 1]], rho)
        before, p = x, min(order, i + 1, n - i)
        r, differences = earlier(i, p)
        rho = [0.5] if p == 2 else unipc_weights(np.array(r), lam[i + 1] - lam[i]) if p > 2 else []
        x = move(x, i, differences, rho)
    return x


def ddim(model, x, times, eta, noise):
    """DDIM (arXiv 2010.02502, formula 12) to the next timestep of the list, and to alpha_bar = 1 after the last.

    diffusers steps to t - 1000 // n whatever the spacing, and to alpha_bar = 1 if that is negative. That is the next
    timestep for leading, and for trailing if n divides 1000; for linspace it is another one.
    noise[i] is multiplied by eta sqrt((1 - a') / (1 - a) (1 - a / a')), which is 0 at the last step (a' = 1).
    """
    alpha_bar = np.append(ALPHA_BAR[times], 1.0)
    for i, t in enumerate(times):
        now, then = alpha_bar[i], alpha_bar[i + 1]
        eps = model(x, t)
        deviation = eta * np.sqrt((1 - then) / (1 - now) * (1 - now / then))
        x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
        x = np.sqrt(then) * x0 + np.sqrt(1 - then - deviation**2) * eps + deviation * noise[i]
    return x


def sigma_ode(model, x, times, heun):
    """Euler or Heun on dx/dsigma = eps(x / sqrt(1 + sigma^2), t), sigma = sqrt((1 - alpha_bar) / alpha_bar), to sigma
    = 0.

    x_T is in our convention, so the state starts as x_T sqrt(1 + sigma_0^2); at sigma = 0 both conventions agree.
    Heun's second slope is the model's at the next timestep; the step to sigma = 0 is Euler's: 2n - 1 evaluations.
    """
    sigma = np.append(np.sqrt((1 - ALPHA_BAR[times]) / ALPHA_BAR[times]), 0.0)

    def slope(i, x):
        return model(x / np.sqrt(1 + sigma[i] ** 2), times[i])

    x = x * np.sqrt(1 + sigma[0] ** 2)
    for i in range(len(times)):
        step = sigma[i + 1] - sigma[i]
        first = slope(i, x)
        if heun and i < len(times) - 1:
            first = 0.5 * (first + slope(i + 1, x + step * first))
        x = x + step * first
    return x


FIXED = {  # Butcher tableaus: nodes, stages, weights
    "euler": ([0], [[]], [1]),
    "heun2": ([0, 1], [[], [1]], [1 / 2, 1 / 2]),
    "rk4": ([0, 1 / 3, 2 / 3, 1], [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]], [1 / 8, 3 / 8, 3 / 8, 1 / 8]),
}


def fixed_steps(model, x, grid, method):
    """torchdiffeq's methods of fixed steps, one step between neighbours of the grid.

    num_steps = n of SiT are n grid points, linspace(0, 1, n): n - 1 steps. heun2 is the explicit trapezoidal rule
    (Heun's method of order 2), rk4 is the 3/8 rule, not the classical method. heun2 and rk4 evaluate the model at t =
    1.
    """
    nodes, stages, weights = FIXED[method]
    for t, end in zip(grid[:-1], grid[1:]):
        k = []
        for node, row in zip(nodes, stages):
            k.append(model(x + (end - t) * sum(a * b for a, b in zip(row, k)), t + node * (end - t)))
        x = x + (end - t) * sum(a * b for a, b in zip(weights, k))
    return x


DOPRI5 = [(1 / 5, [1 / 5]), (3 / 10, [3 / 40, 9 / 40]), (4 / 5, [44 / 45, -56 / 15, 32 / 9]),
          (8 / 9, [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729]),
          (1, [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]),
          (1, [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84])]
DOPRI5_ERROR = [35 / 384 - 1951 / 21600, 0, 500 / 1113 - 22642 / 50085, 125 / 192 - 451 / 720,
                -2187 / 6784 + 12231 / 42400, 11 / 84 - 649 / 6300, -1 / 60]
DOPRI5_MIDDLE = [6025192743 / 30085553152 / 2, 0, 51252292925 / 65400821598 / 2, -2691868925 / 45128329728 / 2,
                 187940372067 / 1594534317056 / 2, -1776094331 / 19743644256 / 2, 11237099 / 235043384 / 2]


def rms(x):
    return np.sqrt(np.mean(x**2))


def dopri5(model, x, grid, atol, rtol):
    """torchdiffeq's dopri5: Dormand-Prince, steps of its own size, the outputs interpolated.

    - Evaluations: one at the start, one to choose the first step, six a step, accepted or not (the last stage is the
      first of the next step).
    - First step: Hairer, Norsett, Wanner I, II.4, with order 4 (exponent 1/5), as in the code.
    - Error ratio: E = rms(error / (atol + rtol max(|x|, |x'|))), the root mean square over all elements of the batch,
      x and x' the state before and after. Accepted if E <= 1. The error weights are Shampine's, not Dormand-Prince's.
    - Next step: h min(10, max(0.9 / E^(1/5), 1 if E < 1 else 0.2)), also after a rejected step; 10 h if E = 0.
    - Steps are not cut at the outputs: the last goes past t = 1, and the model is evaluated there. Outputs, the sample
      at t = 1 too, are a polynomial of degree 4 over the step, through both ends, both slopes and a middle value.
    """
    t = grid[0]
    k = [model(x, t)]
    scale = atol + rtol * abs(x)
    size, slope = rms(x / scale), rms(k[0] / scale)
    h0 = 1e-6 if size < 1e-5 or slope < 1e-5 else 0.01 * size / slope
    bend = rms((model(x + h0 * k[0], t + h0) - k[0]) / scale) / h0
    h = max(1e-6, 1e-3 * h0) if slope <= 1e-15 and bend <= 1e-15 else (0.01 / max(slope, bend)) ** (1 / 5)
    h = min(100 * h0, h)
    while t < grid[-1]:
        k = [k[0]]
        for node, row in DOPRI5:
            then = x + h * sum(a * b for a, b in zip(row, k))
            k.append(model(then, t + node * h))
        error = h * sum(a * b for a, b in zip(DOPRI5_ERROR, k))
        ratio = rms(error / (atol + rtol * np.maximum(abs(x), abs(then))))
        if ratio <= 1:
            start, x, t, last = x, then, t + h, (t, h, k)
            k = [k[-1]]
        h *= 10 if ratio == 0 else min(10, max(0.9 / ratio ** (1 / 5), 1 if ratio < 1 else 0.2))
    begin, h, k = last
    u = (grid[-1] - begin) / h
    middle = start + h * sum(a * b for a, b in zip(DOPRI5_MIDDLE, k))
    f, g = h * k[0], h * k[-1]
    return (start + u * f + u**2 * (g - 4 * f - 11 * start - 5 * x + 16 * middle)
            + u**3 * (5 * f - 3 * g + 18 * start + 14 * x - 32 * middle)
            + u**4 * (2 * (g - f) - 8 * (start + x) + 16 * middle))


def path(name, t):
    """alpha, sigma and their derivatives: x_t = alpha data + sigma noise."""
    if name == "linear":
        return t, 1 - t, 1.0, -1.0
    if name == "gvp":
        half = np.pi / 2
        return np.sin(half * t), np.cos(half * t), half * np.cos(half * t), -half * np.sin(half * t)
    alpha = np.exp(-0.25 * (1 - t) ** 2 * 19.9 - 0.5 * (1 - t) * 0.1)  # vp, beta from 0.1 to 20
    sigma = np.sqrt(1 - alpha**2)
    d_alpha = alpha * (0.5 * (1 - t) * 19.9 + 0.5 * 0.1)
    return alpha, sigma, d_alpha, -alpha * d_alpha / sigma


def sit_sde(model, x, case, noise):
    """SiT's stochastic sampler (arXiv 2401.08740), last step "Mean".

    - Times: n = num_steps points linspace(t0, t1, n), t1 = 1 - last_step_size, dt = (t1 - t0) / (n - 1). n - 1 steps
      dt from t0 to t1, then the last step, of last_step_size 0.04 whatever n is, from t1 to 1.
    - t0 = sample_eps on linear and gvp if a score or noise is predicted or the form is SBDM; else, and on vp, t0 = 0.
    - sample_eps of create_transport is 1e-3 for a score or noise, and on vp. For a velocity on linear or gvp it is 0
      whatever is asked for; SBDM is infinite at t = 0 and gives NaN there, so those cases set sample_eps 1e-3 directly.
    - Path: g = alpha'/alpha sigma^2 - sigma sigma'. Form SBDM: D = g (vp: beta / 2); sigma: D = sigma; linear:
      D = 1 - t; diffusion_norm multiplies D. SBDM is the default of sample_sde, sigma that of the program sample.py.
      The forms "constant" and "increasing-decreasing" raise in the official code.
    - Drift: b = v + D s. Velocity: v = out, s = (r v - x) / (sigma^2 - r sigma' sigma) with r = alpha / alpha'.
      Score: s = out; noise: s = -out / sigma; both v = alpha'/alpha x + g s. v and s are at the same (x, t); the
      official code evaluates the model once for each.
    - Euler: x' = x + dt b(x, t) + sqrt(2 D(t)) sqrt(dt) noise[i].
    - Heun: y = x + sqrt(2 D(t)) sqrt(dt) noise[i] first, then x' = y + dt/2 (b(y, t) + b(y + dt b(y, t), t + dt)).
    - Last step, for both: x' = x + last_step_size b(x, t1), without noise; noise[n - 1] is not used.
    - Other last steps: Euler has v in place of b; Tweedie is x / alpha + sigma^2 / alpha s at t1; None has
      t1 = 1 - sample_eps and leaves x as it is (with Heun and a velocity on linear that is NaN, for s at t = 1).
    """
    n, last = case["num_steps"], case["last_step_size"]
    grid = np.linspace(case["t0"], 1 - last, n)
    dt = grid[1] - grid[0]

    def diffusion(t):
        alpha, sigma, d_alpha, d_sigma = path(case["path"], t)
        if case["diffusion_form"] == "SBDM":
            return d_alpha / alpha * sigma**2 - sigma * d_sigma
        return sigma if case["diffusion_form"] == "sigma" else 1 - t

    def drift(x, t):
        alpha, sigma, d_alpha, d_sigma = path(case["path"], t)
        out = model(x, t)
        if case["prediction"] == "velocity":
            r = alpha / d_alpha
            return out + diffusion(t) * (r * out - x) / (sigma**2 - r * d_sigma * sigma)
        score = out if case["prediction"] == "score" else -out / sigma
        return d_alpha / alpha * x + (d_alpha / alpha * sigma**2 - sigma * d_sigma + diffusion(t)) * score

    for i, t in enumerate(grid[:-1]):
        kick = np.sqrt(2 * diffusion(t)) * np.sqrt(dt) * noise[i]
        if case["method"] == "Heun":
            x = x + kick
            first = drift(x, t)
            x = x + 0.5 * dt * (first + drift(x + dt * first, t + dt))
        else:
            x = x + dt * drift(x, t) + kick
    return x + last * drift(x, grid[-1])
