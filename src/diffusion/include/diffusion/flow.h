// SPDX-License-Identifier: Apache-2.0
// Flow matching on an interpolant x_t = alpha_t x1 + sigma_t x0 between noise x0 (t = 0) and data x1 (t = 1): SiT (Ma
// et al. 2024, arXiv 2401.08740, section 2, where time runs the other way), with the conventions of its code
// (willisma/SiT, transport/). Shapes: images (N,C,H,W), t (N) f32 in [0, 1]; images are float32, what multiplies them
// is found in float64.
#pragma once

#include <torch/types.h>

#include "base/bounds.h"
#include "diffusion/loss_terms.h"
#include "diffusion/process_spec.h"

namespace dydit::diffusion {

/// alpha, sigma and their derivatives by t, float64 of the shape of t. Of vp sigma's derivative is infinite at t = 1.
struct Coefficients {
  torch::Tensor alpha, sigma, d_alpha, d_sigma;
};
Coefficients coefficients(Path path, const torch::Tensor& t);

class Flow {
 public:
  explicit Flow(const FlowKind& kind) : path_(kind.path), prediction_(kind.prediction), weight_(kind.weight) {}

  torch::Tensor x_t(const torch::Tensor& x1, const torch::Tensor& x0, const torch::Tensor& t) const;
  /// u_t = alpha' x1 + sigma' x0, what a model of the velocity learns.
  torch::Tensor velocity(const torch::Tensor& x1, const torch::Tensor& x0, const torch::Tensor& t) const;

  /// The squared error is that of the velocity, of the noise, or of sigma times the score, which SiT's objective takes
  /// for the score (it is an error of the noise too, and finite everywhere).
  LossTerms loss_terms(const torch::Tensor& output, const torch::Tensor& x1, const torch::Tensor& x0,
                       const torch::Tensor& t) const;

  /// The velocity of the probability flow, and the score, that follow from the model's output at x_t.
  torch::Tensor drift(const torch::Tensor& output, const torch::Tensor& x_t, const torch::Tensor& t) const;
  torch::Tensor score(const torch::Tensor& output, const torch::Tensor& x_t, const torch::Tensor& t) const;

  /// ln(alpha^2 / sigma^2); infinite at an end where one of them is 0.
  double log_snr(double t) const;
  /// The squared error of the prediction times this is that of the noise that follows from it at given x_t.
  double epsilon_factor(double t) const;

  /// Times that training draws (SiT's check_interval with its train_eps).
  Bounds<double> training_times() const;
  /// Times at which all of this is finite: [0, 1] without the ends that training_times keeps away from.
  Bounds<double> finite_times() const;

 private:
  torch::Tensor noise(const torch::Tensor& output, const torch::Tensor& x_t, const torch::Tensor& t) const;

  Path path_;
  Prediction prediction_;
  LossWeight weight_;
};

Flow flow_of(const ProcessSpec& spec, const std::string& where = "process");

}  // namespace dydit::diffusion
