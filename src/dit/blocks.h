// SPDX-License-Identifier: Apache-2.0
// Passes block by block: an engine says how it runs one, here they follow one another, for each share of a batch.
#pragma once

#include "routing.h"

namespace dydit::dit {

/// The tokens (n,T) that blocks had on, in their order, and the logits of the token routers that were run.
struct TokensOn {
  std::vector<torch::Tensor> masks, logits;
};

/// A block to be run for a share of a batch.
struct BlockAt {
  std::size_t layer;
  const BlockImpl::Modulation& modulation;  ///< of the share
  const model::Share& share;
  TokensOn& on;          ///< gets what its router decides, of a model that has one
  const KeepPart& keep;  ///< empty where nobody asks
};

/// How an engine runs a block: tokens (n,T,D) -> (n,T,D), in their memory where nobody else holds it.
using RunBlock = std::function<torch::Tensor(torch::Tensor tokens, const BlockAt& at)>;

/// Blocks [first, last) of a share. `conditioning` is the share's.
torch::Tensor through(torch::Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
                      const model::Share& share, TokensOn& on, const RunBlock& run, const engine::Keep& keep = {});

/// All of a pass over x (N,C,H,W), each thread of the CPU taking a share of the images.
PartialOutcome pass_of(DiT dit, const torch::Tensor& x, const Conditioning& conditioning, const RunBlock& run);

/// What a pass in stretches starts from.
struct PassStart {
  model::Inputs in;
  torch::Tensor time;  ///< t_embedder(t) (N,D)
  Masks masks;         ///< of a dynamic model: heads and channels that are on, and tokens where they are imposed
  Masks logits;        ///< of the routers that were run
  Overruled routers;
  bool checks_finite;
  bool complete = false;  ///< the masks have everything on
};
/// How blocks are run under such masks.
using BlocksUnder = std::function<RunBlock(const Masks& masks, Overruled routers)>;
std::unique_ptr<engine::Pass> stretches(const DiT& dit, const PassStart& start, BlocksUnder blocks);
/// Of the complete model.
std::unique_ptr<engine::Pass> complete_stretches(const DiT& dit, const model::Inputs& in, const RunBlock& run);

}  // namespace dydit::dit
