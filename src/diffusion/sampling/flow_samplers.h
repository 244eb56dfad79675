// SPDX-License-Identifier: Apache-2.0
// Samplers of flow matching, from t = 0 to t = 1.
#pragma once

#include "base/range.h"
#include "diffusion/flow.h"
#include "diffusion/sampling.h"

namespace dydit::diffusion {

/// A method with fixed steps between `points` even times: "euler", "heun" or "rk4".
std::unique_ptr<Sampler> flow_ode(const Flow& flow, const Bounds<double>& times, std::int64_t points,
                                  const std::string& method);
/// Chooses its steps by the estimated error of the image that has most of it.
std::unique_ptr<Sampler> dopri5(const Flow& flow, const Bounds<double>& times, double atol, double rtol);
std::unique_ptr<Sampler> flow_sde(const FlowKind& kind, const SamplingSpec& spec);

/// Between which times an ODE is solved: where its velocity is finite (SiT's check_interval with its sample_eps).
Bounds<double> sampling_times(const Flow& flow);

/// `points` times, both ends among them.
std::vector<double> even_grid(double begin, double end, std::int64_t points);

/// The velocity of the probability flow at x and t.
torch::Tensor drift_at(const Flow& flow, const Denoiser& model, const torch::Tensor& x, double t);

}  // namespace dydit::diffusion
