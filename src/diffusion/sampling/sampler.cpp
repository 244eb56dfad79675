// SPDX-License-Identifier: Apache-2.0
#include "diffusion/flow.h"
#include "flow_samplers.h"
#include "levels.h"

namespace dydit::diffusion {

namespace {

std::unique_ptr<Sampler> of_diffusion(const SamplingSpec& spec, const ProcessSpec& process, bool learn_sigma,
                                      torch::Device device) {
  const Tables tables(betas(noise_schedule(process.noise_schedule), diffusion_steps));
  if (spec.sampler == "ddpm") return ancestral(spec, tables, learn_sigma, device);
  auto steps = steps_of(spec, tables);
  if (spec.sampler == "ddim") return ddim(std::move(steps), spec.eta.value_or(0), spec.clip_denoised);
  if (spec.sampler == "dpmpp")
    return dpm_solver(std::move(steps), spec.order.value_or(2), spec.eta.value_or(0), spec.clip_denoised);
  if (spec.sampler == "unipc") return unipc(std::move(steps), spec.order.value_or(2), spec.clip_denoised);
  return probability_flow(std::move(steps), /*heun=*/spec.sampler == "heun", spec.clip_denoised);
}

std::unique_ptr<Sampler> of_flow(const SamplingSpec& spec, const ProcessSpec& process) {
  const Flow flow = flow_of(process);
  if (spec.sampler == "sde") return flow_sde(flow_kind(process), spec);
  const auto ends = sampling_times(flow);
  if (spec.sampler == "dopri5") return dopri5(flow, ends, spec.atol.value_or(1e-6), spec.rtol.value_or(1e-3));
  return flow_ode(flow, ends, spec.steps, spec.sampler);
}

}  // namespace

std::unique_ptr<Sampler> sampler_of(const SamplingSpec& spec, const ProcessSpec& process, bool learn_sigma,
                                    torch::Device device) {
  require_sampler(spec, process.name);
  return process.name == "flow" ? of_flow(spec, process) : of_diffusion(spec, process, learn_sigma, device);
}

}  // namespace dydit::diffusion
