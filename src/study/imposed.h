// SPDX-License-Identifier: Apache-2.0
// Masks that no router decided, for studies of speed.
#pragma once

#include <string>

#include "engine/engine.h"
#include "study/kept.h"

namespace dydit::study {

/// Which of a model's units a share is kept of, imposed on any model: of all axes, of those that the timestep decides
/// about
/// ("widths"), of tokens, or of both; or what a trained model's routers keep, and units drawn by chance in the same
/// shares.
enum class Which { all, widths, tokens, both, own, alike };
/// Throws UsageError naming them.
Which which_named(const std::string& name);
std::string to_string(Which which);

/// Of each unit axis the share that stays on: its own of `keep` where `which` (all, widths, tokens or both) names it,
/// else 1.
std::vector<double> kept_of(Which which, const Kept& keep, const std::vector<model::UnitAxis>& units);

/// Masks that keep these shares, for a batch at one timestep. Each layer keeps a random subset of the units that the
/// timestep decides about, the same for all images; of an axis whose first one is always on that is among them. The
/// sizes differ by at most one between layers, and their sum is nearest to the share. Each token is kept with that
/// probability by a draw of its own, so that images and layers differ as those of a trained router do; another `draw`
/// keeps other tokens.
engine::Masks imposed_masks(const std::vector<model::UnitAxis>& units, const std::vector<double>& kept,
                            std::int64_t batch, std::uint64_t seed, std::int64_t draw);

}  // namespace dydit::study
