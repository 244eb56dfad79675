// SPDX-License-Identifier: Apache-2.0
// What the routers decide, or what is imposed in their place.
#pragma once

#include "engine/engine.h"

namespace dydit::engine {

/// Throws UsageError for a model without routers.
void require_routers(const model::Configuration& configuration);

/// Throws UsageError unless the masks that are there fit N images of the model.
void require_fit(const Masks& imposed, const model::Configuration& configuration, std::int64_t images);

/// On where sigmoid(logit) > 0.5, strictly.
torch::Tensor decide(const torch::Tensor& logits);

/// (N,H-1) -> (N,H): unit 0 is always on.
torch::Tensor with_first_unit(const torch::Tensor& mask);

/// Heads and channel groups of all layers, by the time embedding (N,D) or imposed; tokens are left out.
struct Widths {
  Masks masks, logits;
};
Widths widths_of(const model::DiT& dit, const torch::Tensor& time, const Masks& imposed);

/// One layer of a (N,depth,...) mask, undefined where that is.
torch::Tensor layer_of(const torch::Tensor& mask, std::size_t layer);

/// Layers (N,...) -> (N,depth,...), undefined where they are.
torch::Tensor stacked(const std::vector<torch::Tensor>& layers);

}  // namespace dydit::engine
