// SPDX-License-Identifier: Apache-2.0
// What the routers of a dynamic model decide on data.
#pragma once

#include "cost/cost.h"
#include "run/runner.h"

namespace dydit::run {

struct Decisions {
  model::Activity activity = {};           ///< mean over images and times
  diffusion::ProcessSpec process = {};     ///< that they were taken to noise by
  std::int64_t images = 0, timesteps = 0;  ///< over how many
};

/// On at most `images` images, spread evenly over the data, at `timesteps` timesteps, spread evenly over the
/// process: the x_t of a loss-gap study of the same seed. By the engine that keeps what is on. Throws UsageError where
/// the data do not fit the model or it has no routers.
Decisions decisions_of(const ModelSpec& model, const DataSpec& data, std::int64_t images, std::int64_t timesteps,
                       std::uint64_t seed, const std::optional<diffusion::ProcessSpec>& process,
                       const RunSettings& settings);

}  // namespace dydit::run
