// SPDX-License-Identifier: Apache-2.0
// Masks that no router decided, for studies of speed.
#pragma once

#include <string>

#include "engine/engine.h"

namespace dydit::study {

/// Which of a model's units a share is kept of: imposed on any model, or what a trained model's routers keep,
/// and units drawn by chance in the same shares.
enum class Which { all, widths, tokens, both, own, alike };
/// "all", "widths" (heads and channel groups), "tokens", "both", "own", "alike"; throws UsageError naming
/// them.
Which which_named(const std::string& name);
std::string to_string(Which which);

/// Shares of the units that stay on.
struct Kept {
  double heads = 1, groups = 1, tokens = 1;
};
/// The share `keep` of the units of `which` (of all, widths, tokens and both), all of the others.
Kept kept_of(Which which, double keep);

/// Masks that keep these shares, for a batch at one timestep. Each layer keeps a random subset of its heads and of its
/// channel groups, the same for all images, unit 0 among them; the sizes differ by at most one between layers, and their
/// sum is nearest to the share. Each token is kept with that probability by a draw of its own, so that images and layers
/// differ as those of a trained router do; another `draw` keeps other tokens.
engine::Masks imposed_masks(const model::Configuration& configuration, const Kept& kept, std::int64_t batch,
                            std::uint64_t seed, std::int64_t draw);

}  // namespace dydit::study
