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

/// What becomes of a router's logits (N,R): which of its units are on, of an axis and a layer.
using Decide = std::function<torch::Tensor(const torch::Tensor& logits, std::size_t axis, std::size_t layer)>;
/// On where sigmoid(logit) > 0.5, strictly.
torch::Tensor decided(const torch::Tensor& logits, std::size_t axis, std::size_t layer);

/// Throws NotFinite, naming the block and its router, where a logit of a router that was run is not finite.
void require_finite(const Masks& logits);
/// And where the output is not.
void require_finite(const Outcome& outcome);

/// Heads and channel groups of all layers, by the time embedding (N,D) or imposed; tokens stay undefined.
struct Widths {
  Masks masks, logits;
};
Widths widths_of(const DiT& dit, const torch::Tensor& time, const Masks& imposed, Overruled routers,
                 const Decide& decide = decided);

/// A block's tokens (N,T), by what the attention left of x (N,T,D) or as `imposed` (N,depth,T) where that is defined;
/// the logits of a router that was run are added to `logits`.
torch::Tensor tokens_of(BlockImpl& block, std::size_t layer, const torch::Tensor& x, const torch::Tensor& imposed,
                        Overruled routers, std::vector<torch::Tensor>& logits, const Decide& decide = decided);

/// What a pass computes of some of a batch's images: the output, the tokens that were on (n,depth,T) and the logits of
/// the token routers that were run.
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

/// The tokens that go through an MLP, as the compact engine works on them.
struct Routed {
  torch::Tensor rows;       ///< (M) int64: numbers of the tokens in the whole batch, ascending
  std::int64_t height = 0;  ///< rows that the products have: M rounded up
};

/// Of a mask (N,T). On a GPU the host waits for the count.
Routed routed_of(const torch::Tensor& mask);

}  // namespace dydit::dit
