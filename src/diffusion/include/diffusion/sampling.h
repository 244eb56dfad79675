// SPDX-License-Identifier: Apache-2.0
// From noise to images: samplers of both processes, and guidance. States are x (N,C,H,W) in float32, all at one time;
// what multiplies them is found in float64. Times are those of diffusion/process.h.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bounds.h"
#include "diffusion/process_spec.h"

namespace dydit::diffusion {

/// How images are sampled. What is not given is as the sampler's own authors have it; not every sampler has every
/// option.
struct SamplingSpec {
  std::string sampler = "ddim";
  std::int64_t steps = 50;              ///< timesteps visited; of flow grid points, both ends among them, as SiT counts
  std::string spacing = {};             ///< of the diffusion's timesteps
  std::optional<std::int64_t> order{};  ///< 1 to 3
  std::optional<double> eta{};          ///< 0 follows the probability flow, 1 adds as much noise as the diffusion took
  bool clip_denoised = false;           ///< predicted images to [-1, 1]
  std::optional<double> atol{}, rtol{};
  std::string diffusion =
      {};  ///< how much noise is added along the way: "sigma", "sbdm" or "linear" (SiT, section 3.3)
  std::optional<double> last_step{};  ///< size of the last step, which adds no noise
};

namespace bounds {
inline constexpr Bounds<std::int64_t> sampling_steps{1, 1000}, solver_order{1, 3};
inline constexpr Bounds<double> eta{0, 1}, tolerance{.least = 0, .most = 1, .least_excluded = true},
    last_step{.least = 0, .most = 1, .most_excluded = true}, guidance_scale{-1000, 1000};
}  // namespace bounds

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
  /// At which the model is asked, in this order. Of dopri5, which chooses them itself, the grid.
  virtual std::vector<double> times() const = 0;
  /// Whether a trajectory needs noise.
  virtual bool stochastic() const { return false; }
  /// From x at the noise's end.
  virtual torch::Tensor sample(torch::Tensor x, const Trajectory& along) const = 0;
};

/// "euler" of "flow" is another one than that of "diffusion".
struct SamplerRow {
  std::string name, process, help;
  std::vector<std::string> options;  ///< that it has: members of SamplingSpec
};
const std::vector<SamplerRow>& samplers();

/// `learn_sigma`: the model's output has a variance, which ddpm takes. Throws UsageError for a sampler that the process
/// does not have, naming those that it has, and for an option that the sampler does not have.
std::unique_ptr<Sampler> sampler_of(const SamplingSpec& spec, const ProcessSpec& process, bool learn_sigma,
                                    torch::Device device = torch::kCPU);

/// Classifier-free guidance.
struct Guidance {
  double scale = 1;            ///< 1: none
  double from = 0, to = 1000;  ///< acts at these times
  std::int64_t channels = 3;   ///< the first ones; the others, and a variance, are those of the conditional half
  bool acts(double time) const { return scale != 1 && time >= from && time <= to; }
};

/// A model's output (M, C or 2C, H, W) for x (M,C,H,W): where `halves` is true, M = 2N, first with the labels of the N
/// images and then with none; else M = N.
using Halves = std::function<torch::Tensor(const torch::Tensor& x, double time, bool halves)>;

/// Both halves run in one batch; where guidance does not act the conditional one runs alone.
Denoiser guided(const Guidance& guidance, Halves model);

}  // namespace dydit::diffusion
