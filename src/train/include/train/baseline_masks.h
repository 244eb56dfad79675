// SPDX-License-Identifier: Apache-2.0
// What may be skipped, and masks in the place of routers that a training leaves out.
#pragma once

#include <span>

#include "engine/engine.h"
#include "train/options.h"

namespace dydit::train {

/// For images (N) at draws (N): nothing where routers decide, everything on where nothing may be skipped; by
/// chance so that the share of MACs that is expected is `target`; static the first units of each layer, so
/// many that the share is options.lambda or just above it, whatever the target.
engine::Masks masks_instead_of_routers(const DynamicOptions& options, const model::Architecture& architecture,
                                       double target, std::uint64_t seed, std::span<const std::int64_t> images,
                                       std::span<const std::int64_t> draws);

/// Throws UsageError where the model has no routers, or where not even skipping everything that may be
/// skipped reaches lambda.
void require_reachable(const DynamicOptions& options, const model::Architecture& architecture);

/// How many units of each layer are on in a static model, of each axis that the timestep decides about: [axis][layer].
std::vector<std::vector<std::int64_t>> static_widths(const model::Architecture& architecture, double lambda);

}  // namespace dydit::train
