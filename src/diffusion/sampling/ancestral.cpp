// SPDX-License-Identifier: Apache-2.0
// DDPM (Ho et al. 2020, algorithm 2) on a respaced process, with the variance that the model learned where it did.
#include <algorithm>

#include "diffusion/gaussian.h"
#include "levels.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

std::vector<std::int64_t> ascending(const SamplingSpec& spec) {
  auto timesteps = visited_timesteps(spec);
  std::ranges::reverse(timesteps);
  return timesteps;
}

class Ancestral final : public Sampler {
 public:
  Ancestral(const SamplingSpec& spec, const Tables& tables, bool learn_sigma, torch::Device device)
      : timesteps_(ascending(spec)),
        gaussian_(Tables(respaced_betas(tables, timesteps_)),
                  learn_sigma ? Variance::learned_range : Variance::fixed_large, device),
        clip_(spec.clip_denoised) {}

  std::vector<double> times() const override { return {timesteps_.rbegin(), timesteps_.rend()}; }
  bool stochastic() const override { return true; }

  Tensor sample(Tensor x, const Trajectory& along) const override {
    for (std::int64_t i = std::ssize(timesteps_) - 1, step = 0; i >= 0; --i, ++step) {
      const Range range("step", step);
      const Tensor output = along.model(x, static_cast<double>(timesteps_[static_cast<std::size_t>(i)]));
      const Tensor t = torch::full({x.size(0)}, i, x.options().dtype(torch::kInt64));
      const MeanVariance p = gaussian_.p_mean_variance(output, x, t, clip_);
      x = i == 0 ? p.mean : p.mean + (0.5 * p.log_variance).exp() * along.noise(step);
      if (along.after) along.after(step, x);
    }
    return x;
  }

 private:
  std::vector<std::int64_t> timesteps_;
  GaussianDiffusion gaussian_;
  bool clip_;
};

}  // namespace

std::unique_ptr<Sampler> ancestral(const SamplingSpec& spec, const Tables& tables, bool learn_sigma,
                                   torch::Device device) {
  return std::make_unique<Ancestral>(spec, tables, learn_sigma, device);
}

}  // namespace dydit::diffusion
