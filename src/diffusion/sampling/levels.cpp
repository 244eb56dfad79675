// SPDX-License-Identifier: Apache-2.0
#include "levels.h"

#include <algorithm>

#include "base/error.h"
#include "diffusion/loss_terms.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

constexpr auto T = static_cast<double>(diffusion_steps);

bool is_ddim(const SamplingSpec& spec) { return spec.sampler == "ddim"; }

std::string spacing_of(const SamplingSpec& spec) {
  if (!spec.spacing.empty()) return spec.spacing;
  return spec.sampler == "ddpm" || is_ddim(spec) ? "even" : "linspace";
}

/// Ascending; `value` gives the k-th of them before it is rounded, half to even as numpy does.
template <typename Value>
std::vector<std::int64_t> rounded(std::int64_t count, const Value& value) {
  std::vector<std::int64_t> timesteps;
  for (std::int64_t k = 0; k < count; ++k)
    timesteps.push_back(static_cast<std::int64_t>(std::nearbyint(value(static_cast<double>(k)))));
  return timesteps;
}

/// Those of diffusers, whose DDIM counts the end among linspace's points and its other solvers do not.
std::vector<std::int64_t> of_diffusers(const std::string& spacing, std::int64_t n, bool of_ddim) {
  const auto count = static_cast<double>(n);
  if (spacing == "trailing") {
    auto timesteps = rounded(n, [&](double k) { return T - k * T / count; });
    for (std::int64_t& t : timesteps) --t;
    return {timesteps.rbegin(), timesteps.rend()};
  }
  if (spacing == "linspace") {
    if (of_ddim) return rounded(n, [&](double k) { return n == 1 ? 0 : k * (T - 1) / (count - 1); });
    auto timesteps = rounded(n + 1, [&](double k) { return k * (T - 1) / count; });
    timesteps.erase(timesteps.begin());
    return timesteps;
  }
  if (of_ddim) return rounded(n, [&](double k) { return k * static_cast<double>(diffusion_steps / n); });
  auto timesteps = rounded(n + 1, [&](double k) { return k * static_cast<double>(diffusion_steps / (n + 1)); });
  timesteps.erase(timesteps.begin());
  return timesteps;
}

Level level_at(const Tables& tables, std::int64_t timestep) {
  const auto t = static_cast<std::size_t>(timestep);
  return {static_cast<double>(timestep), tables.sqrt_alphas_cumprod.at(t), tables.sqrt_one_minus_alphas_cumprod.at(t)};
}

}  // namespace

std::vector<std::int64_t> visited_timesteps(const SamplingSpec& spec) {
  const std::string spacing = spacing_of(spec);
  std::vector<std::int64_t> ascending;
  if (spacing == "even")
    ascending = respaced_timesteps(diffusion_steps, std::to_string(spec.steps));
  else if (spacing == "ddim")
    ascending = respaced_timesteps(diffusion_steps, "ddim" + std::to_string(spec.steps));
  else
    ascending = of_diffusers(spacing, spec.steps, is_ddim(spec));
  if (std::ranges::adjacent_find(ascending) != ascending.end() || ascending.front() < 0)
    throw UsageError("a spacing that visits a timestep twice", spacing + " of " + std::to_string(spec.steps),
                     "ask for fewer steps");
  return {ascending.rbegin(), ascending.rend()};
}

std::vector<Step> steps_of(const SamplingSpec& spec, const Tables& tables) {
  const auto timesteps = visited_timesteps(spec);
  const std::string spacing = spacing_of(spec);
  // The DDIM of diffusers steps by 1000 / n whichever timestep it visits next: with linspace these are not the same.
  const bool fixed = is_ddim(spec) && spacing != "even" && spacing != "ddim";
  std::vector<Step> steps;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const std::int64_t next = fixed                      ? timesteps[i] - diffusion_steps / spec.steps
                              : i + 1 < timesteps.size() ? timesteps[i + 1]
                                                         : -1;
    steps.push_back({level_at(tables, timesteps[i]), next < 0 ? Level{} : level_at(tables, next)});
  }
  return steps;
}

Denoised denoised(const Tensor& output, const Tensor& x, const Level& at, bool clip) {
  Denoised found{.image = {}, .noise = predicted(output, x.size(1))};
  found.image = (x - at.sigma * found.noise) / at.alpha;
  if (clip) {
    found.image = found.image.clamp(-1, 1);
    found.noise = (x - at.alpha * found.image) / at.sigma;
  }
  return found;
}

std::vector<double> StepSampler::times() const {
  std::vector<double> times;
  for (const Step& step : steps_) times.push_back(step.from.time);
  return times;
}

}  // namespace dydit::diffusion
