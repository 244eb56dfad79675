// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "diffusion/sampling_spec.h"

namespace dydit::diffusion {

Schema<SamplingSpec> sampling_schema() {
  using S = SamplingSpec;
  const Bounds<double> tolerance{.least = 0, .most = 1, .least_excluded = true},
      last_step{.least = 0, .most = 1, .least_excluded = true, .most_excluded = true}, time{0, 1000};
  std::vector<std::string> names;
  for (const SamplerRow& row : samplers())
    if (std::ranges::find(names, row.name) == names.end()) names.push_back(row.name);
  return Schema<S>()
      .add("sampler", &S::sampler, names, "how noise becomes an image")
      .add("steps", &S::steps, Bounds<std::int64_t>{1, 1000},
           "timesteps visited; of flow grid points, both ends among them")
      .add("spacing", &S::spacing, {"even", "ddim", "linspace", "leading", "trailing"}, "of the diffusion's timesteps")
      .add("order", &S::order, Bounds<std::int64_t>{1, 3}, "of dpmpp and unipc (2)")
      .add("eta", &S::eta, Bounds<double>{0, 1},
           "of ddim and dpmpp: noise added, from none (0) to that of the reverse process (1)")
      .add("clip_denoised", &S::clip_denoised, "of the diffusion: predicted images to [-1, 1]")
      .add("atol", &S::atol, tolerance, "of dopri5 (1e-6)")
      .add("rtol", &S::rtol, tolerance, "of dopri5 (1e-3)")
      .add("diffusion", &S::diffusion, {"sigma", "sbdm", "linear"},
           "of sde: how much noise is added on the way (sigma)")
      .add("method", &S::method, {"euler", "heun"},
           "of sde: Euler and Maruyama's, or Heun's with two passes a step (euler)")
      .add("last_step", &S::last_step, last_step, "of sde: size of the last step, without noise (.04)")
      .add("cfg_scale", &S::cfg_scale, Bounds<double>{-1000, 1000}, "classifier-free guidance (1: none)")
      .add("cfg_from", &S::cfg_from, time, "guide from this time on")
      .add("cfg_to", &S::cfg_to, time, "and up to this one; beyond, the conditional half runs alone")
      .add("cfg_channels", &S::cfg_channels, {"3", "all"},
           "that are guided: the first three, as the papers do, or all");
}

Guidance SamplingSpec::guidance() const {
  Guidance guidance{.scale = cfg_scale, .from = cfg_from.value_or(0), .to = cfg_to.value_or(1000)};
  if (cfg_channels == "all") guidance.channels = std::numeric_limits<std::int64_t>::max();
  return guidance;
}

const std::vector<SamplerRow>& samplers() {
  static const std::vector<SamplerRow> rows{
      {"ddpm", "diffusion", "ancestral, with the learned variance", {"spacing", "clip_denoised"}},
      {"ddim", "diffusion", "first order; eta adds noise", {"spacing", "eta", "clip_denoised"}},
      {"dpmpp", "diffusion", "DPM-Solver++, multistep; eta adds noise", {"spacing", "order", "eta", "clip_denoised"}},
      {"unipc", "diffusion", "UniPC, multistep", {"spacing", "order", "clip_denoised"}},
      {"euler", "diffusion", "Euler's method on the probability flow", {"spacing", "clip_denoised"}},
      {"heun", "diffusion", "Heun's method on the probability flow, two passes a step", {"spacing", "clip_denoised"}},
      {"euler", "flow", "Euler's method", {}},
      {"heun", "flow", "Heun's method, two passes a step", {}},
      {"rk4", "flow", "Runge and Kutta's method of order 4 (the 3/8 rule), four passes a step", {}},
      {"dopri5", "flow", "Dormand and Prince's method, which chooses its steps", {"atol", "rtol"}, /*adaptive=*/true},
      {"sde", "flow", "the reverse SDE", {"diffusion", "method", "last_step"}}};
  return rows;
}

const SamplerRow& require_sampler(const SamplingSpec& spec, const std::string& process) {
  std::vector<std::string> names;
  const SamplerRow* found = nullptr;
  for (const SamplerRow& row : samplers()) {
    if (row.process != process) continue;
    names.push_back(row.name);
    if (row.name == spec.sampler) found = &row;
  }
  if (found == nullptr)
    throw UsageError(fmt::format("no such sampler of the process {}", process), spec.sampler,
                     fmt::format("known are {}", fmt::join(names, ", ")));
  const Json all = sampling_schema().to_json(spec), usual = sampling_schema().to_json({});
  Json stated = Json::object();
  for (const auto& [option, value] : all.items())
    if (!usual.contains(option) || usual[option] != value) stated[option] = value;
  sampling_schema().from_json(stated, "sampling");  // within bounds
  for (const auto& [option, value] : stated.items()) {
    const bool common = option == "sampler" || option == "steps" || option.starts_with("cfg_");
    if (!common && std::ranges::find(found->options, option) == found->options.end())
      throw UsageError(
          fmt::format("{} of the {} has no such option", found->name, process), option,
          found->options.empty() ? "leave it out" : fmt::format("it has {}", fmt::join(found->options, ", ")));
  }
  if (spec.eta.value_or(0) > 0 && spec.order.value_or(0) > 2)
    throw UsageError("with noise the order is at most 2", fmt::format("eta {}, order {}", *spec.eta, *spec.order),
                     "leave one out");
  if (process == "flow" && spec.steps < 2)
    throw UsageError("a grid of one point", fmt::format("steps {}", spec.steps), "give 2 or more");
  return *found;
}

}  // namespace dydit::diffusion
