// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bounds.h"
#include "diffusion/schedule.h"

/// What a timestep may be, and how many of them may be asked for.
namespace dydit::diffusion::bounds {

inline constexpr Bounds<std::int64_t> timestep{0, diffusion_steps - 1}, timesteps{1, diffusion_steps};

}  // namespace dydit::diffusion::bounds
