// SPDX-License-Identifier: Apache-2.0
#include "diffusion/flow.h"

#include <numbers>

#include "base/error.h"

namespace dydit::diffusion {

using torch::Tensor;

namespace {

// One number for each image, shaped to multiply (N,C,H,W).
Tensor for_images(const Tensor& values) { return values.to(torch::kFloat32).view({-1, 1, 1, 1}); }

// alpha sigma' - alpha' sigma, which is negative: both of its terms are. It solves x_t = alpha x1 + sigma x0 and
// v = alpha' x1 + sigma' x0 for the noise, x0 = (alpha v - alpha' x_t) / determinant (SiT, section 2).
Tensor determinant(const Coefficients& c) { return c.alpha * c.d_sigma - c.d_alpha * c.sigma; }

// Song et al. 2021 (arXiv 2011.13456), appendix C, with SiT's direction of time: beta falls from 20 to .1.
Coefficients vp(const Tensor& t) {
  constexpr double least = 0.1, most = 20;
  const Tensor left = 1 - t;
  const Tensor log_alpha = -0.25 * (most - least) * left.square() - 0.5 * least * left;
  const Tensor slope = 0.5 * (most - least) * left + 0.5 * least;  // of log alpha: beta / 2
  const Tensor alpha = log_alpha.exp(), sigma = (-torch::expm1(2 * log_alpha)).sqrt();
  return {alpha, sigma, alpha * slope, -alpha.square() * slope / sigma};
}

Coefficients at_time(Path path, double t) { return coefficients(path, torch::tensor(t, torch::kFloat64)); }

}  // namespace

Coefficients coefficients(Path path, const Tensor& given) {
  const Tensor t = given.to(torch::kFloat64);
  if (path == Path::linear) return {t, 1 - t, torch::ones_like(t), -torch::ones_like(t)};
  if (path == Path::vp) return vp(t);
  // The cosine is a sine of 1 - t: it is exactly 0 at t = 1.
  constexpr double rate = std::numbers::pi / 2;
  const Tensor alpha = (rate * t).sin(), sigma = (rate * (1 - t)).sin();
  return {alpha, sigma, rate * sigma, -rate * alpha};
}

Tensor Flow::x_t(const Tensor& x1, const Tensor& x0, const Tensor& t) const {
  const Coefficients c = coefficients(path_, t);
  return for_images(c.alpha) * x1 + for_images(c.sigma) * x0;
}

Tensor Flow::velocity(const Tensor& x1, const Tensor& x0, const Tensor& t) const {
  const Coefficients c = coefficients(path_, t);
  return for_images(c.d_alpha) * x1 + for_images(c.d_sigma) * x0;
}

LossTerms Flow::loss_terms(const Tensor& output, const Tensor& x1, const Tensor& x0, const Tensor& t) const {
  const Coefficients c = coefficients(path_, t);
  const Tensor of_model = predicted(output, x1.size(1));
  LossTerms terms;
  if (prediction_ == Prediction::velocity)
    terms.mse_map = (of_model - velocity(x1, x0, t)).square();
  else if (prediction_ == Prediction::score)
    terms.mse_map = (for_images(c.sigma) * of_model + x0).square();
  else
    terms.mse_map = (of_model - x0).square();
  terms.mse = terms.mse_map.flatten(1).mean(1);
  terms.loss = terms.mse;
  if (weight_ == LossWeight::none) return terms;
  // w = -sigma determinant / alpha is what multiplies the score in the velocity; the weights are (w / sigma)^2 and
  // w / sigma^2 (SiT, section 2; training_losses).
  const Tensor ratio = -determinant(c) / c.alpha;
  const Tensor weight = weight_ == LossWeight::velocity ? ratio.square() : ratio / c.sigma;
  terms.loss = weight.to(torch::kFloat32) * terms.mse;
  return terms;
}

Tensor Flow::noise(const Tensor& output, const Tensor& x_t, const Tensor& t) const {
  const Tensor of_model = predicted(output, x_t.size(1));
  if (prediction_ == Prediction::noise) return of_model;
  const Coefficients c = coefficients(path_, t);
  if (prediction_ == Prediction::score) return -for_images(c.sigma) * of_model;
  const Tensor d = determinant(c);
  return for_images(c.alpha / d) * of_model - for_images(c.d_alpha / d) * x_t;
}

Tensor Flow::drift(const Tensor& output, const Tensor& x_t, const Tensor& t) const {
  if (prediction_ == Prediction::velocity) return predicted(output, x_t.size(1));
  const Coefficients c = coefficients(path_, t);
  return for_images(c.d_alpha / c.alpha) * x_t + for_images(determinant(c) / c.alpha) * noise(output, x_t, t);
}

Tensor Flow::score(const Tensor& output, const Tensor& x_t, const Tensor& t) const {
  if (prediction_ == Prediction::score) return predicted(output, x_t.size(1));
  return -noise(output, x_t, t) / for_images(coefficients(path_, t).sigma);
}

double Flow::log_snr(double t) const {
  const Coefficients c = at_time(path_, t);
  return 2 * (c.alpha / c.sigma).log().item<double>();
}

double Flow::epsilon_factor(double t) const {
  if (prediction_ != Prediction::velocity) return 1;
  const Coefficients c = at_time(path_, t);
  return (c.alpha / determinant(c)).square().item<double>();
}

Bounds<double> Flow::training_times() const {
  if (path_ == Path::vp) return {0, 1 - 1e-5};
  if (prediction_ == Prediction::velocity) return {0, 1};
  return {1e-3, 1 - 1e-3};
}

Bounds<double> Flow::finite_times() const {
  const auto drawn = training_times();
  return {0, 1, drawn.least > 0, drawn.most < 1};
}

Flow flow_of(const ProcessSpec& spec, const std::string& where) { return Flow(flow_kind(spec, where)); }

}  // namespace dydit::diffusion
