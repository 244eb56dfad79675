// SPDX-License-Identifier: Apache-2.0
// How images are sampled, as profiles and the command line say it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"

namespace dydit::diffusion {

/// Classifier-free guidance.
struct Guidance {
  double scale = 1;            ///< 1: none
  double from = 0, to = 1000;  ///< acts at these times
  std::int64_t channels = 3;   ///< the first ones; the others, and a variance, are those of the conditional half
  bool acts(double time) const { return scale != 1 && time >= from && time <= to; }
};

/// What is not given is as the sampler's own authors have it; not every sampler has every option.
struct SamplingSpec {
  std::string sampler = "ddim";
  std::int64_t steps = 50;              ///< timesteps visited; of flow grid points, both ends among them, as SiT counts
  std::string spacing = {};             ///< of the diffusion's timesteps
  std::optional<std::int64_t> order{};  ///< 1 to 3
  std::optional<double> eta{};          ///< 0 follows the probability flow, 1 adds as much noise as the diffusion took
  bool clip_denoised = false;           ///< predicted images to [-1, 1]
  std::optional<double> atol{}, rtol{};
  std::string diffusion = {};  ///< how much noise is added on the way: "sigma", "sbdm" or "linear" (SiT, section 3.3)
  std::string method = {};     ///< of the SDE: "euler" or "heun"
  std::optional<double> last_step{};  ///< size of the last step, which adds no noise
  double cfg_scale = 1;
  std::optional<double> cfg_from{}, cfg_to{};
  std::string cfg_channels = "3";

  Guidance guidance() const;
};

/// The options by their names.
Schema<SamplingSpec> sampling_schema();

/// "euler" of "flow" is another one than that of "diffusion".
struct SamplerRow {
  std::string name, process, help;
  std::vector<std::string> options;  ///< of those that not all have
  bool adaptive = false;             ///< chooses its times itself, by the images of the batch
};
const std::vector<SamplerRow>& samplers();

/// The sampler of that process. Throws UsageError naming those that the process has, and for an option that the sampler
/// does not have.
const SamplerRow& require_sampler(const SamplingSpec& spec, const std::string& process);

}  // namespace dydit::diffusion
