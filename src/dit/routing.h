// SPDX-License-Identifier: Apache-2.0
// What the routers decide, or what is imposed in their place.
#pragma once

#include <functional>

#include "dit/dit.h"
#include "engine/engine.h"
#include "model/shares.h"

namespace dydit::dit {

using engine::Masks;
using engine::Outcome;
using engine::Overruled;

/// Throws UsageError for a model without routers.
void require_routers(const Configuration& configuration);

/// What a width router decides (N,R) -> all units (N,H): those it does not decide about are on.
torch::Tensor all_units(const torch::Tensor& mask, const Configuration& configuration);

/// Throws NotFinite, naming the block and its router, where a logit of a router that was run is not finite.
void require_finite(const Masks& logits);
/// And where the output is not.
void require_finite(const Outcome& outcome);

/// Heads and channel groups of all layers, by the time embedding (N,D) or imposed; tokens stay undefined.
struct Widths {
  Masks masks, logits;
};
Widths widths_of(const DiT& dit, const torch::Tensor& time, const Masks& imposed, Overruled routers);

/// A block's tokens (N,T), by what the attention left of x (N,T,D) or as `imposed` where that is defined; the logits
/// of a router that was run are added to `logits`.
torch::Tensor tokens_of(BlockImpl& block, const torch::Tensor& x, const torch::Tensor& imposed,
                        Overruled routers, std::vector<torch::Tensor>& logits);

/// What a pass computes of some of a batch's images: the output, the tokens that were on (n,depth,T) and the logits of the
/// token routers that were run.
struct PartialOutcome {
  torch::Tensor output, tokens, token_logits;
};
/// `pass` over a batch on `device`, each thread of the CPU taking a share of the images (model/shares.h), put together.
PartialOutcome in_shares(std::int64_t images, torch::Device device,
                         const std::function<PartialOutcome(const model::Share&)>& pass);

/// One layer of a (N,depth,...) mask, undefined where that is.
torch::Tensor layer_of(const torch::Tensor& mask, std::size_t layer);

/// Layers (N,...) -> (N,depth,...), undefined where they are.
torch::Tensor stacked(const std::vector<torch::Tensor>& layers);

}  // namespace dydit::dit
