// SPDX-License-Identifier: Apache-2.0
// The steps of a sampler of the diffusion: from noise level to noise level.
#pragma once

#include <cmath>
#include <span>

#include "base/range.h"
#include "diffusion/sampling.h"
#include "diffusion/schedule.h"

namespace dydit::diffusion {

/// x = alpha x_0 + sigma noise at a timestep that the model is asked at; at the end, which no model sees, sigma is 0.
struct Level {
  double time = 0, alpha = 1, sigma = 0;
  double log_ratio() const { return std::log(alpha / sigma); }  ///< lambda of DPM-Solver; infinite at the end
};

struct Step {
  Level from, to;
};

/// From the noisiest timestep of the spec's spacing to the image.
std::vector<Step> steps_of(const SamplingSpec& spec, const Tables& tables);
/// The timesteps that are visited, of a spec that require_sampler passed. Throws UsageError where one would come twice.
std::vector<std::int64_t> visited_timesteps(const SamplingSpec& spec);

/// What an epsilon model's output says of x: the image, clipped where that is asked for, and the noise that follows.
struct Denoised {
  torch::Tensor image, noise;
};
Denoised denoised(const torch::Tensor& output, const torch::Tensor& x, const Level& at, bool clip);

/// An image that was predicted at an earlier level.
struct Past {
  torch::Tensor image;
  double log_ratio;
};

/// A sampler of the diffusion that knows its steps and needs no more of the process: solvers can be tried on any
/// levels.
class StepSampler : public Sampler {
 public:
  explicit StepSampler(std::vector<Step> steps, bool clip = false) : steps_(std::move(steps)), clip_(clip) {}
  std::vector<double> times() const override;

 protected:
  std::vector<Step> steps_;
  bool clip_;
};

std::unique_ptr<Sampler> ancestral(const SamplingSpec& spec, const Tables& tables, bool learn_sigma,
                                   torch::Device device);
std::unique_ptr<Sampler> ddim(std::vector<Step> steps, double eta, bool clip);
std::unique_ptr<Sampler> dpm_solver(std::vector<Step> steps, std::int64_t order, double eta, bool clip);
std::unique_ptr<Sampler> unipc(std::vector<Step> steps, std::int64_t order, bool clip);
/// Euler's method or Heun's.
std::unique_ptr<Sampler> probability_flow(std::vector<Step> steps, bool heun, bool clip);

}  // namespace dydit::diffusion
