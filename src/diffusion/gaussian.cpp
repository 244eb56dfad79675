// SPDX-License-Identifier: Apache-2.0
#include "diffusion/gaussian.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "named.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

// One number for each image, shaped to multiply (N,C,H,W).
Tensor at(const Tensor& table, const Tensor& t) { return table.index_select(0, t).view({-1, 1, 1, 1}); }

Tensor mean_per_image(const Tensor& map) { return map.flatten(1).mean(1); }

// KL divergence in nats between normals.
Tensor normal_kl(const Tensor& mean1, const Tensor& log_variance1, const Tensor& mean2, const Tensor& log_variance2) {
  return 0.5 * (-1.0 + log_variance2 - log_variance1 + torch::exp(log_variance1 - log_variance2) +
                (mean1 - mean2).square() * torch::exp(-log_variance2));
}

// Tanh approximation of the standard normal's distribution function (Page 1977), as the official code has it.
Tensor approximate_cdf(const Tensor& x) {
  return 0.5 * (1.0 + torch::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * torch::pow(x, 3))));
}

// Log-likelihood in nats of x in [-1, 1], rounded to 8 bits, under a discretised normal.
Tensor discretised_log_likelihood(const Tensor& x, const Tensor& mean, const Tensor& log_scale) {
  const Tensor centred = x - mean, inverse = torch::exp(-log_scale);
  const Tensor above = approximate_cdf(inverse * (centred + 1.0 / 255.0));
  const Tensor below = approximate_cdf(inverse * (centred - 1.0 / 255.0));
  const auto safe_log = [](const Tensor& p) { return torch::log(p.clamp_min(1e-12)); };
  return torch::where(x < -0.999, safe_log(above),
                      torch::where(x > 0.999, safe_log(1.0 - below), safe_log(above - below)));
}

}  // namespace

Variance variance_named(const std::string& name) {
  return named<Variance>("variance", name,
                         {{"learned-range", Variance::learned_range},
                          {"fixed-small", Variance::fixed_small},
                          {"fixed-large", Variance::fixed_large}});
}

Tensor GaussianDiffusion::table(const std::vector<double>& values) const {
  return torch::tensor(values, torch::kFloat64).to(torch::kFloat32).to(device_);
}

GaussianDiffusion::GaussianDiffusion(const Tables& tables, Variance variance, torch::Device device)
    : variance_(variance), device_(device) {
  std::vector<double> log_betas, one_minus, large = tables.betas, log_large;
  for (double beta : tables.betas) log_betas.push_back(std::log(beta));
  for (double a : tables.alphas_cumprod) one_minus.push_back(1 - a);
  if (large.size() > 1) large[0] = tables.posterior_variance[1];
  for (double value : large) log_large.push_back(std::log(value));
  sqrt_alphas_cumprod_ = table(tables.sqrt_alphas_cumprod);
  sqrt_one_minus_alphas_cumprod_ = table(tables.sqrt_one_minus_alphas_cumprod);
  one_minus_alphas_cumprod_ = table(one_minus);
  log_one_minus_alphas_cumprod_ = table(tables.log_one_minus_alphas_cumprod);
  sqrt_recip_alphas_cumprod_ = table(tables.sqrt_recip_alphas_cumprod);
  sqrt_recipm1_alphas_cumprod_ = table(tables.sqrt_recipm1_alphas_cumprod);
  posterior_variance_ = table(tables.posterior_variance);
  posterior_log_variance_ = table(tables.posterior_log_variance_clipped);
  posterior_mean_coef1_ = table(tables.posterior_mean_coef1);
  posterior_mean_coef2_ = table(tables.posterior_mean_coef2);
  log_betas_ = table(log_betas);
  fixed_large_variance_ = table(large);
  fixed_large_log_variance_ = table(log_large);
}

Tensor GaussianDiffusion::q_sample(const Tensor& x_start, const Tensor& t, const Tensor& noise) const {
  return at(sqrt_alphas_cumprod_, t) * x_start + at(sqrt_one_minus_alphas_cumprod_, t) * noise;
}

MeanVariance GaussianDiffusion::q_mean_variance(const Tensor& x_start, const Tensor& t) const {
  return {.mean = at(sqrt_alphas_cumprod_, t) * x_start,
          .variance = at(one_minus_alphas_cumprod_, t).expand_as(x_start),
          .log_variance = at(log_one_minus_alphas_cumprod_, t).expand_as(x_start)};
}

MeanVariance GaussianDiffusion::q_posterior(const Tensor& x_start, const Tensor& x_t, const Tensor& t) const {
  return {.mean = at(posterior_mean_coef1_, t) * x_start + at(posterior_mean_coef2_, t) * x_t,
          .variance = at(posterior_variance_, t).expand_as(x_t),
          .log_variance = at(posterior_log_variance_, t).expand_as(x_t)};
}

MeanVariance GaussianDiffusion::p_mean_variance(const Tensor& output, const Tensor& x_t, const Tensor& t,
                                                bool clip_denoised) const {
  const auto channels = x_t.size(1);
  const Tensor epsilon = predicted(output, channels);
  MeanVariance p;
  if (variance_ == Variance::learned_range) {
    if (output.size(1) != 2 * channels)
      throw UsageError("the model does not learn its variance", "learned-range", "choose fixed-small or fixed-large");
    const Tensor low = at(posterior_log_variance_, t), high = at(log_betas_, t);
    const Tensor fraction = (output.narrow(1, channels, channels) + 1) / 2;
    p.log_variance = fraction * high + (1 - fraction) * low;
    p.variance = torch::exp(p.log_variance);
  } else {
    const bool large = variance_ == Variance::fixed_large;
    p.variance = at(large ? fixed_large_variance_ : posterior_variance_, t).expand_as(x_t);
    p.log_variance = at(large ? fixed_large_log_variance_ : posterior_log_variance_, t).expand_as(x_t);
  }
  p.pred_xstart = at(sqrt_recip_alphas_cumprod_, t) * x_t - at(sqrt_recipm1_alphas_cumprod_, t) * epsilon;
  if (clip_denoised) p.pred_xstart = p.pred_xstart.clamp(-1, 1);
  p.mean = q_posterior(p.pred_xstart, x_t, t).mean;
  return p;
}

Tensor GaussianDiffusion::vb_map(const Tensor& output, const Tensor& x_start, const Tensor& x_t,
                                 const Tensor& t) const {
  const MeanVariance truth = q_posterior(x_start, x_t, t);
  const MeanVariance model = p_mean_variance(output, x_t, t, /*clip_denoised=*/false);
  const Tensor nats = normal_kl(truth.mean, truth.log_variance, model.mean, model.log_variance);
  const Tensor first = (t == 0).view({-1, 1, 1, 1});
  // Asking costs nothing on the CPU and a synchronisation on a GPU.
  if (first.is_cpu() && !first.any().item<bool>()) return nats / std::numbers::ln2;
  const Tensor likelihood = -discretised_log_likelihood(x_start, model.mean, 0.5 * model.log_variance);
  return torch::where(first, likelihood, nats) / std::numbers::ln2;
}

LossTerms GaussianDiffusion::loss_terms(const Tensor& output, const Tensor& x_start, const Tensor& x_t, const Tensor& t,
                                        const Tensor& noise) const {
  const auto channels = x_start.size(1);
  const Tensor epsilon = predicted(output, channels);
  LossTerms terms;
  terms.mse_map = (noise - epsilon).square();
  terms.mse = mean_per_image(terms.mse_map);
  const Tensor frozen = variance_ == Variance::learned_range
                            ? torch::cat({epsilon.detach(), output.narrow(1, channels, output.size(1) - channels)}, 1)
                            : output.detach();
  terms.vb_map = vb_map(frozen, x_start, x_t, t);
  terms.vb = mean_per_image(terms.vb_map);
  terms.loss = variance_ == Variance::learned_range ? terms.mse + terms.vb : terms.mse;
  return terms;
}

}  // namespace dydit::diffusion
