// SPDX-License-Identifier: Apache-2.0
// Masks of an untrained model, for studies of speed.
#pragma once

#include <string>

#include "engine/engine.h"

namespace dydit::study {

/// Which of a model's units a share is kept of.
enum class Which { all, widths, tokens, both };
/// "all", "widths" (heads and channel groups), "tokens", "both"; throws UsageError naming them.
Which which_named(const std::string& name);
std::string to_string(Which which);

/// Masks that keep the share `keep` of the units of `which`, all of the others, for a batch at one timestep. Heads and
/// channel groups: the same for all images, random ones of each layer, in numbers that differ by at most one between
/// layers so that their sum is nearest to the share; unit 0 is among them. Tokens: each by itself with that
/// probability, so that images and layers differ as those of a trained router do; another `draw` gives other tokens.
engine::Masks imposed_masks(const model::Configuration& configuration, Which which, double keep, std::int64_t batch,
                            std::uint64_t seed, std::int64_t draw);

}  // namespace dydit::study
