// SPDX-License-Identifier: Apache-2.0
// A forward pass in stretches of blocks, for what stands between them or in the place of some: feature caches.
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/network.h"
#include "model/shares.h"

namespace dydit::engine {

/// What is on, in the order of the model's unit axes: bool (N,layers,units). As imposed masks an undefined one leaves
/// its units to their routers; none at all leaves all to them.
using Masks = std::vector<torch::Tensor>;

struct Outcome {
  torch::Tensor output;  ///< as Network::complete's
  Masks masks;           ///< that were executed: nothing is on in a part of a block that did not run
  Masks logits = {};     ///< float, of the routers that were run, for the units that they decide about; else undefined
  model::BlockRuns ran{};  ///< of a pass in stretches, counted where the work is done; else empty, as all ran
};

/// What becomes of a router whose decision is imposed: skipped, or run, and its result discarded, so that the timing
/// includes it. After a plan, of timesteps or of masks, an engine that keeps what is on leaves out those that decide by
/// the timestep either way.
enum class Overruled { skipped, run };

/// Outputs (n,T,D) of attention and MLP, before their gates, of some of a batch's images; of tokens that are off 0.
using Keep = std::function<void(std::size_t block, model::BlockPart part, const model::Share& images,
                                const torch::Tensor& output)>;
using Foretold = std::function<torch::Tensor(std::size_t block, model::BlockPart part, const model::Share& images)>;

/// One forward pass of a batch at one time. Its stretches follow one another from the first block on; where all blocks
/// are run, the outcome is to the last bit that of Engine::forward.
class Pass {
 public:
  virtual ~Pass() = default;
  /// What the first block reads: (N,T,D).
  virtual torch::Tensor begin() = 0;
  /// The input of its attention, normed and modulated, of what `begin` gave.
  virtual torch::Tensor modulated(const torch::Tensor& tokens) = 0;
  /// Through blocks [first, last); `keep`, where it is given, is told what their parts put out, in several threads.
  virtual torch::Tensor run(torch::Tensor tokens, std::size_t first, std::size_t last, const Keep& keep = {}) = 0;
  /// Through them with other outputs in the place of their parts': gates are this time's. A token that is off takes
  /// nothing of the MLP's, as is imposed or where nothing is as its router decides. `masked`: the outputs are 0 where
  /// imposed tokens are off.
  virtual torch::Tensor reuse(torch::Tensor tokens, std::size_t first, std::size_t last, const Foretold& outputs,
                              bool masked) = 0;
  /// Takes the place of decisions about the blocks that are still to come, whose routers are skipped.
  virtual void impose(const Masks& masks) = 0;
  /// What is behind the last block. Throws as Engine::forward does.
  virtual Outcome end(const torch::Tensor& tokens) = 0;
};

}  // namespace dydit::engine
