// SPDX-License-Identifier: Apache-2.0
// What the routers of a dynamic model decide on data.
#pragma once

#include "cost/macs.h"
#include "run/runner.h"

namespace dydit::run {

struct Decisions {
  cost::Activity activity = {};            ///< mean over images and timesteps
  std::int64_t images = 0, timesteps = 0;  ///< over how many
};

/// On at most `images` images, spread evenly over the data, at `timesteps` timesteps, spread evenly over the
/// diffusion: the x_t of a loss-gap study of the same seed. By the compact engine. Throws UsageError where
/// the data do not fit the model or it has no routers.
Decisions decisions_of(const ModelSpec& model, const DataSpec& data, std::int64_t images,
                       std::int64_t timesteps, std::uint64_t seed, const RunSettings& settings);

}  // namespace dydit::run
