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
  TokensOn& on;     ///< gets what its router decides, of a model that has one
  KeptParts parts;  ///< of the share
};

/// How an engine runs a block: tokens (n,T,D) -> (n,T,D), in their memory where nobody else holds it.
using RunBlock = std::function<torch::Tensor(torch::Tensor tokens, const BlockAt& at)>;

/// Blocks [first, last) of a share. `conditioning` is the share's.
torch::Tensor through(torch::Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
                      const model::Share& share, TokensOn& on, const RunBlock& run, const torch::Tensor& keep = {});

/// All of a pass over x (N,C,H,W), each thread of the CPU taking a share of the images.
PartialOutcome pass_of(DiT dit, const torch::Tensor& x, const Conditioning& conditioning, const RunBlock& run);

/// Masks (N,depth,U) with nothing on in blocks in which a part did not run.
torch::Tensor where_ran(const torch::Tensor& mask, const std::vector<double>& ran);

/// What is around the blocks of one pass, and in their place where outputs are reused.
class Frame {
 public:
  virtual ~Frame() = default;
  /// What the first block reads, of a share: (n,T,D).
  virtual torch::Tensor embed(const model::Share& share) = 0;
  /// adaLN's outputs of the whole batch, those of the final layer the last: at least of blocks [first, last), depth + 1
  /// tensors of which the others may be undefined.
  virtual std::vector<torch::Tensor> adaln(std::size_t first, std::size_t last) = 0;
  /// (n,T,D) -> (n,C,H,W)
  virtual torch::Tensor final_layer(const torch::Tensor& tokens, const torch::Tensor& adaln) = 0;
  /// Adds what is reused in blocks [first, last) to tokens (n,T,D), in their memory where nobody else holds it; of the
  /// MLPs where `on` (n,depth,T) is, or everywhere.
  virtual torch::Tensor add(torch::Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
                            const engine::Reused& of_share, const torch::Tensor& on);
};
/// By the model's own layers.
std::unique_ptr<Frame> frame_of(const DiT& dit, const model::Inputs& in, const torch::Tensor& time);

/// What a pass in stretches starts from.
struct PassStart {
  model::Inputs in;
  Masks masks = {};   ///< of a dynamic model: heads and channels that are on, and tokens where they are imposed
  Masks logits = {};  ///< of the routers that were run
  Overruled routers = Overruled::skipped;
  bool checks_finite = false;
  bool complete = false;  ///< the masks have everything on
};
/// How blocks are run under such masks.
using BlocksUnder = std::function<RunBlock(const Masks& masks, Overruled routers)>;
std::unique_ptr<engine::Pass> stretches(const DiT& dit, const PassStart& start, std::unique_ptr<Frame> frame,
                                        BlocksUnder blocks);
/// Of the complete model.
std::unique_ptr<engine::Pass> complete_stretches(const DiT& dit, const model::Inputs& in, const RunBlock& run);

}  // namespace dydit::dit
