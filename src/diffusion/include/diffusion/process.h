// SPDX-License-Identifier: Apache-2.0
// The one face of all processes to training and studies. A time is a double here: a whole timestep of the diffusion,
// where 0 is next to the data, or a number in [0, 1] of flow, where 1 is the data. Models take it as `times` gives it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "diffusion/loss_terms.h"
#include "diffusion/process_spec.h"

namespace dydit::diffusion {

class Process {
 public:
  virtual ~Process() = default;

  /// K times as a model takes them, on the host: (K) i64 of the diffusion, f32 of flow.
  virtual torch::Tensor times(const std::vector<double>& t) const = 0;
  /// `count` times, 1 to 1000, each the middle of an equal part of all. Throws UsageError.
  virtual std::vector<double> even_times(std::int64_t count) const = 0;
  /// A time of training, uniform in one of `strata` equal parts of those that are trained.
  virtual double drawn_time(Random& random, std::int64_t stratum, std::int64_t strata) const = 0;
  /// Throws UsageError naming `where`, which tells the time, for one that cannot be studied: outside of the process, no
  /// whole timestep, or an end of [0, 1] where the formulas of path and prediction are infinite.
  virtual void require_time(double t, const std::string& where) const = 0;
  /// The number under which the noise of (t, draw) is drawn, for draws below a million: different ones for different
  /// timesteps of the diffusion (below 10^9), and for times of flow that differ by 10^-6 or more (2^42 to below 2^43).
  virtual std::int64_t draw_of(double t, std::int64_t draw) const = 0;

  /// ln of the signal-to-noise ratio alpha^2 / sigma^2, where x_t = alpha x + sigma noise.
  virtual double log_snr(double t) const = 0;
  /// The squared error of the prediction (LossTerms::mse_map) times this is that of the noise that follows from it at
  /// given x_t: what makes errors of different predictions comparable.
  virtual double epsilon_factor(double t) const = 0;

  /// x_t for images x and noise (N,C,H,W) at times t (N), on the process's device.
  virtual torch::Tensor noised(const torch::Tensor& x, const torch::Tensor& noise, const torch::Tensor& t) const = 0;
  /// Whether losses have a variational term.
  virtual bool has_vb() const = 0;
  /// What the model's output (N, C or 2C, H, W) at x_t loses.
  virtual LossTerms loss_terms(const torch::Tensor& output, const torch::Tensor& x, const torch::Tensor& x_t,
                               const torch::Tensor& t, const torch::Tensor& noise) const = 0;
};

/// `learn_sigma`: the model has channels for a variance, which only the diffusion trains.
std::unique_ptr<Process> process_of(const ProcessSpec& spec, bool learn_sigma, torch::Device device);

}  // namespace dydit::diffusion
