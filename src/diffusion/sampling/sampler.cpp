// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "diffusion/flow.h"
#include "flow_samplers.h"
#include "levels.h"

namespace dydit::diffusion {

namespace {

using Strings = std::vector<std::string>;

/// What the spec gives that not all samplers have.
Strings given_by(const SamplingSpec& spec) {
  Strings given;
  const auto add = [&](const char* name, bool is_given) {
    if (is_given) given.push_back(name);
  };
  add("spacing", !spec.spacing.empty());
  add("order", spec.order.has_value());
  add("eta", spec.eta.has_value());
  add("clip-denoised", spec.clip_denoised);
  add("atol", spec.atol.has_value());
  add("rtol", spec.rtol.has_value());
  add("diffusion", !spec.diffusion.empty());
  add("last-step", spec.last_step.has_value());
  return given;
}

void require_fit(const SamplingSpec& spec, const SamplerRow& row) {
  for (const std::string& option : given_by(spec))
    if (std::ranges::find(row.options, option) == row.options.end())
      throw UsageError(fmt::format("{} of the {} has no such option", row.name, row.process), option,
                       row.options.empty() ? "leave it out" : fmt::format("it has {}", fmt::join(row.options, ", ")));
  const auto require = [](const auto& bounds, const auto& value, const char* name) {
    if (value) bounds.require(*value, fmt::format("{} {}", name, *value));
  };
  require(bounds::solver_order, spec.order, "order");
  require(bounds::eta, spec.eta, "eta");
  require(bounds::tolerance, spec.atol, "atol");
  require(bounds::tolerance, spec.rtol, "rtol");
  require(bounds::last_step, spec.last_step, "last-step");
  bounds::sampling_steps.require(spec.steps, fmt::format("steps {}", spec.steps));
  if (spec.eta.value_or(0) > 0 && spec.order.value_or(0) > 2)
    throw UsageError("with noise the order is at most 2", fmt::format("eta {}, order {}", *spec.eta, *spec.order),
                     "leave one out");
}

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
  bounds::grid_points.require(spec.steps, fmt::format("steps {}", spec.steps));
  const Flow flow = flow_of(process);
  if (spec.sampler == "sde") return flow_sde(flow_kind(process), spec);
  const auto ends = sampling_times(flow);
  if (spec.sampler == "dopri5") return dopri5(flow, ends, spec.atol.value_or(1e-6), spec.rtol.value_or(1e-3));
  return flow_ode(flow, ends, spec.steps, spec.sampler);
}

}  // namespace

const std::vector<SamplerRow>& samplers() {
  static const std::vector<SamplerRow> rows{
      {"ddpm", "diffusion", "ancestral, with the learned variance", {"spacing", "clip-denoised"}},
      {"ddim", "diffusion", "first order; eta adds noise", {"spacing", "eta", "clip-denoised"}},
      {"dpmpp",
       "diffusion",
       "DPM-Solver++, multistep of order 1 to 3; eta adds noise",
       {"spacing", "order", "eta", "clip-denoised"}},
      {"unipc", "diffusion", "UniPC, multistep of order 1 to 3", {"spacing", "order", "clip-denoised"}},
      {"euler", "diffusion", "Euler's method on the probability flow", {"spacing", "clip-denoised"}},
      {"heun", "diffusion", "Heun's method on the probability flow, two passes a step", {"spacing", "clip-denoised"}},
      {"euler", "flow", "Euler's method", {}},
      {"heun", "flow", "Heun's method, two passes a step", {}},
      {"rk4", "flow", "Runge and Kutta's method of order 4 (the 3/8 rule), four passes a step", {}},
      {"dopri5", "flow", "Dormand and Prince's method, which chooses its steps", {"atol", "rtol"}},
      {"sde", "flow", "Euler and Maruyama's method on the reverse SDE", {"diffusion", "last-step"}}};
  return rows;
}

std::unique_ptr<Sampler> sampler_of(const SamplingSpec& spec, const ProcessSpec& process, bool learn_sigma,
                                    torch::Device device) {
  Strings names;
  for (const SamplerRow& row : samplers()) {
    if (row.process != process.name) continue;
    if (row.name != spec.sampler) {
      names.push_back(row.name);
      continue;
    }
    require_fit(spec, row);
    return process.name == "flow" ? of_flow(spec, process) : of_diffusion(spec, process, learn_sigma, device);
  }
  throw UsageError(fmt::format("no such sampler of the process {}", process.name), spec.sampler,
                   fmt::format("known are {}", fmt::join(names, ", ")));
}

}  // namespace dydit::diffusion
