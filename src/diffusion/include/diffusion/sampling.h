// SPDX-License-Identifier: Apache-2.0
// From noise to images: samplers of both processes, and guidance. States are x (N,C,H,W) in float32, all at one time;
// what multiplies them is found in float64. Times are those of diffusion/process.h.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "diffusion/process_spec.h"
#include "diffusion/sampling_spec.h"

namespace dydit::diffusion {

/// What a sampler asks of a model: its output (N, C or 2C, H, W) at x and a time.
using Denoiser = std::function<torch::Tensor(const torch::Tensor& x, double time)>;

/// One way from noise to images.
struct Trajectory {
  Denoiser model;
  std::function<torch::Tensor(std::int64_t step)> noise = {};                 ///< standard normals of the shape of x
  std::function<void(std::int64_t step, const torch::Tensor& x)> after = {};  ///< told of each state
};

class Sampler {
 public:
  virtual ~Sampler() = default;
  /// At which the model is asked, in this order. Of dopri5, which chooses them itself, both ends.
  virtual std::vector<double> times() const = 0;
  /// Whether a trajectory needs noise.
  virtual bool stochastic() const { return false; }
  /// From x at the noise's end.
  virtual torch::Tensor sample(torch::Tensor x, const Trajectory& along) const = 0;
};

/// `learn_sigma`: the model's output has a variance, which ddpm takes. Throws UsageError for a sampler that the process
/// does not have, naming those that it has, and for an option that the sampler does not have.
std::unique_ptr<Sampler> sampler_of(const SamplingSpec& spec, const ProcessSpec& process, bool learn_sigma,
                                    torch::Device device = torch::kCPU);

/// A model's output (M, C or 2C, H, W) for x (M,C,H,W): where `halves` is true, M = 2N, first with the labels of the N
/// images and then with none; else M = N.
using Halves = std::function<torch::Tensor(const torch::Tensor& x, double time, bool halves)>;

/// Both halves run in one batch; where guidance does not act the conditional one runs alone.
Denoiser guided(const Guidance& guidance, Halves model);

}  // namespace dydit::diffusion
