// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/bounds.h"

/// What the numbers of TrainOptions and DynamicOptions may be, in a profile and on the command line.
namespace dydit::train::bounds {

inline constexpr Bounds<std::int64_t> steps{1, 1'000'000'000}, batch{1, 1'000'000}, warmup_steps{0, 1'000'000'000},
    record_every{1, 1'000'000'000}, checkpoint_every{1, 1'000'000'000}, held_out_images{1, 1'000'000'000},
    timestep_strata{1, 1000};
inline constexpr Bounds<double> learning_rate{.least = 0, .most = 1000, .least_excluded = true}, weight_decay{0, 1000},
    gradient_clip{0, 1'000'000}, ema_decay{.least = 0, .most = 1, .most_excluded = true}, label_dropout{0, 1};

/// Of a dynamic model: hold_steps, target_warmup_steps, complete_steps and settle_steps; width_bias and token_bias.
inline constexpr Bounds<std::int64_t> phase_steps{0, 1'000'000'000};
inline constexpr Bounds<double> lambda{.least = 0, .most = 1, .least_excluded = true}, flops_weight{0, 1'000'000},
    temperature{.least = 0, .most = 1'000'000, .least_excluded = true},
    router_bias{.least = 0, .most = 1'000'000, .least_excluded = true};

}  // namespace dydit::train::bounds
