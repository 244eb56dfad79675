// SPDX-License-Identifier: Apache-2.0
// The Gaussian diffusion of a model that predicts epsilon: forward process, posterior, loss terms.
// Shapes: images (N,C,H,W), timesteps t (N) i64 in this process. Float32 throughout.
#pragma once

#include <torch/types.h>

#include "diffusion/loss_terms.h"
#include "diffusion/schedule.h"

namespace dydit::diffusion {

/// learned_range: the model's second half of channels interpolates between the clipped log posterior
/// variance and log beta (Nichol & Dhariwal 2021, eq. 15).
enum class Variance { learned_range, fixed_small, fixed_large };

/// "learned-range", "fixed-small" or "fixed-large". Throws UsageError.
Variance variance_named(const std::string& name);

struct MeanVariance {
  torch::Tensor mean, variance, log_variance;
  torch::Tensor pred_xstart = {};  ///< prediction only
};

class GaussianDiffusion {
 public:
  GaussianDiffusion(const Tables& tables, Variance variance, torch::Device device = torch::kCPU);

  /// x_t for x_0 and noise (Ho et al., eq. 4).
  torch::Tensor q_sample(const torch::Tensor& x_start, const torch::Tensor& t, const torch::Tensor& noise) const;
  /// q(x_t | x_0)
  MeanVariance q_mean_variance(const torch::Tensor& x_start, const torch::Tensor& t) const;
  /// q(x_{t-1} | x_t, x_0)
  MeanVariance q_posterior(const torch::Tensor& x_start, const torch::Tensor& x_t, const torch::Tensor& t) const;
  /// p(x_{t-1} | x_t) from the model's output (N, C or 2C, H, W).
  MeanVariance p_mean_variance(const torch::Tensor& output, const torch::Tensor& x_t, const torch::Tensor& t,
                               bool clip_denoised) const;

  /// Squared epsilon error and variational term of each element. Epsilon's gradient is stopped in the
  /// variational term; at t = 0 that is the discretised likelihood of 8-bit images. The loss is mse, plus vb where the
  /// variance is learned.
  LossTerms loss_terms(const torch::Tensor& output, const torch::Tensor& x_start, const torch::Tensor& x_t,
                       const torch::Tensor& t, const torch::Tensor& noise) const;

 private:
  torch::Tensor table(const std::vector<double>& values) const;
  torch::Tensor vb_map(const torch::Tensor& output, const torch::Tensor& x_start, const torch::Tensor& x_t,
                       const torch::Tensor& t) const;

  Variance variance_;
  torch::Device device_;
  torch::Tensor sqrt_alphas_cumprod_, sqrt_one_minus_alphas_cumprod_, one_minus_alphas_cumprod_,
      log_one_minus_alphas_cumprod_, sqrt_recip_alphas_cumprod_, sqrt_recipm1_alphas_cumprod_, posterior_variance_,
      posterior_log_variance_, posterior_mean_coef1_, posterior_mean_coef2_, log_betas_, fixed_large_variance_,
      fixed_large_log_variance_;
};

}  // namespace dydit::diffusion
