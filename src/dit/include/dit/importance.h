// SPDX-License-Identifier: Apache-2.0
// How much a model's heads and hidden channels matter, and their order by it.
#pragma once

#include <cstdint>

#include "dit/dit.h"

namespace dydit::dit {

/// Of heads (depth,H) and of the MLP's hidden channels (depth,hidden), on the host; larger matters more.
struct Importance {
  torch::Tensor heads, channels;
};

Importance random_importance(const Configuration& configuration, std::uint64_t seed);

/// Sum of squares of a unit's weights: q, k, v and projection of a head, both products of a channel.
Importance magnitude_importance(const DiT& dit);

/// Sum of (weight x gradient)^2 over a unit's weights, with the gradients at hand (Molchanov et al.,
/// "Importance Estimation for Neural Network Pruning", CVPR 2019, eq. 8).
Importance taylor_importance(const DiT& dit);

/// Puts each layer's heads and channels into descending importance, so that the first ones and the first
/// groups matter most. The complete model computes what it did, up to rounding; a router's logits keep their
/// places, so its decisions are of other units.
void order_units(DiT& dit, const Importance& importance);

}  // namespace dydit::dit
