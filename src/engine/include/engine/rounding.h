// SPDX-License-Identifier: Apache-2.0
// Units that stay on although a plan has them off, where to turn them off saves no time: numbers of units are rounded
// up to the top of their tile (base/tiles.h).
#pragma once

#include "engine/pass.h"

namespace dydit::engine {

/// For each unit axis of a model the number that 0 ... all of its units are rounded up to; of an axis without entries
/// no number changes. A number that others are rounded up to stays as it is, and so does 0.
using RoundUp = std::vector<std::vector<std::int64_t>>;

/// Throws UsageError unless it is empty or fits these axes.
void require_fit(const RoundUp& round_up, const std::vector<model::UnitAxis>& units);

/// A mask (N,layers,units) with so many of each layer on: of those that are off the ones with the highest logits
/// (N,layers,units that are decided about) are turned on, without logits the first ones.
torch::Tensor rounded_up(const torch::Tensor& mask, const torch::Tensor& logits, const std::vector<std::int64_t>& to);

/// What became of a plan: masks (K,layers,units) of the axes that the timestep decides about, the others undefined.
struct RoundedPlan {
  Masks planned, kept;
};

}  // namespace dydit::engine
