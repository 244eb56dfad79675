// SPDX-License-Identifier: Apache-2.0
// The dynamic model as it is trained (DyDiT, arXiv 2410.03456): its decisions are 0 or 1, their gradients
// those of a relaxation (straight-through Gumbel-sigmoid).
#pragma once

#include "dit/dit.h"
#include "engine/engine.h"

namespace dydit::dit {

struct Relaxed {
  torch::Tensor output;  ///< as DiT::forward's
  engine::Masks masks;   ///< float32, 0 or 1, that carry gradients; shapes as those of an Outcome
};

/// How decisions are drawn: on where sigmoid((logit + noise) / temperature) > 0.5, with the gradient of that
/// sigmoid.
struct Relaxation {
  engine::Masks noise = {};  ///< float32: heads and channels (N,depth,R), tokens (N,depth,T); none, or undefined: none
  double temperature = 5;
};

/// The published semantics with gradients for weights and routers. `imposed` as Engine::forward's. Throws as it does,
/// but for an output that is not finite, which the loss tells.
Relaxed relaxed_forward(DiT dit, const model::Inputs& in, const Relaxation& relaxation,
                        const engine::Masks& imposed = {});

}  // namespace dydit::dit
