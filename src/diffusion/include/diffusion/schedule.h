// SPDX-License-Identifier: Apache-2.0
// Noise schedules, the tables of a Gaussian diffusion, and respacing to fewer steps (Ho et al. 2020;
// Nichol & Dhariwal 2021). Everything in float64, nothing of LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bounds.h"

namespace dydit::diffusion {

/// T, of every model that is trained or studied here.
inline constexpr std::int64_t diffusion_steps = 1000;

/// What a timestep may be, and how many of them may be asked for.
namespace bounds {
inline constexpr Bounds<std::int64_t> timestep{0, diffusion_steps - 1}, timesteps{1, diffusion_steps};
}

enum class NoiseSchedule { linear, squared_cosine };

/// "linear" or "cosine". Throws UsageError; `where` is the key that has the name, if any.
NoiseSchedule noise_schedule(const std::string& name, const std::string& where = "");

/// beta_1 ... beta_T for T = `steps`.
std::vector<double> betas(NoiseSchedule schedule, std::int64_t steps);

/// What follows from the betas; every vector has one entry for each timestep.
struct Tables {
  explicit Tables(std::vector<double> betas);

  std::vector<double> betas;
  std::vector<double> alphas_cumprod, alphas_cumprod_prev, alphas_cumprod_next;
  std::vector<double> sqrt_alphas_cumprod, sqrt_one_minus_alphas_cumprod, log_one_minus_alphas_cumprod;
  std::vector<double> sqrt_recip_alphas_cumprod, sqrt_recipm1_alphas_cumprod;
  /// Of q(x_{t-1} | x_t, x_0); the clipped logarithm repeats entry 1 at entry 0, where the variance is 0.
  std::vector<double> posterior_variance, posterior_log_variance_clipped;
  std::vector<double> posterior_mean_coef1, posterior_mean_coef2;

  std::int64_t steps() const { return static_cast<std::int64_t>(betas.size()); }
};

/// The original timesteps that are kept, ascending. `spec`: "" (all), "250" (one section), "10,15,20"
/// (equal sections with so many steps each), "ddim50" (a fixed stride with exactly so many steps).
/// Throws UsageError when the spec cannot be met.
std::vector<std::int64_t> respaced_timesteps(std::int64_t steps, const std::string& spec);

/// Betas of the process that visits only `timesteps` of `original`.
std::vector<double> respaced_betas(const Tables& original, const std::vector<std::int64_t>& timesteps);

/// `count` timesteps spread evenly over [0, steps), the middle of each section; all of them for count = steps.
std::vector<std::int64_t> even_timesteps(std::int64_t steps, std::int64_t count);

}  // namespace dydit::diffusion
