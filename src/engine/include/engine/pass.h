// SPDX-License-Identifier: Apache-2.0
// A forward pass in stretches of blocks, for what stands between them or in the place of some: feature caches.
#pragma once

#include <torch/types.h>

#include <functional>
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

/// What is reused of earlier passes, (parts,N,T,D) each: what takes a part's place is the sum over the passes, each
/// times its factor. Parts of a pass in stretches are attention and MLP of one block after the other, (2 depth,N,T,D),
/// before their gates, 0 where tokens are off.
struct Reused {
  std::vector<torch::Tensor> passes;
  std::vector<double> factors;

  Reused of(const model::Share& share) const;
  /// Of one part: (N,T,D).
  torch::Tensor sum(std::size_t part) const;
};

/// One forward pass of a batch at one time. Its stretches follow one another from the first block on; where all blocks
/// are run, the outcome is to the last bit that of Engine::forward.
class Pass {
 public:
  virtual ~Pass() = default;
  /// What the first block reads: (N,T,D).
  virtual torch::Tensor begin() = 0;
  /// The input of its attention, normed and modulated, of what `begin` gave.
  virtual torch::Tensor modulated(const torch::Tensor& tokens) = 0;
  /// Through blocks [first, last); what their parts put out is written to `keep`, shaped as in Reused, where it is
  /// given.
  virtual torch::Tensor run(torch::Tensor tokens, std::size_t first, std::size_t last,
                            const torch::Tensor& keep = {}) = 0;
  /// Through them with other outputs in the place of their parts': gates are this time's. A token that is off takes
  /// nothing of the MLP's, as is imposed or where nothing is as its router decides. `masked`: the outputs are 0 where
  /// imposed tokens are off.
  virtual torch::Tensor reuse(torch::Tensor tokens, std::size_t first, std::size_t last, const Reused& outputs,
                              bool masked) = 0;
  /// Takes the place of decisions about the blocks that are still to come, whose routers are skipped.
  virtual void impose(const Masks& masks) = 0;
  /// What is behind the last block. Throws as Engine::forward does.
  virtual Outcome end(const torch::Tensor& tokens) = 0;
};

/// What a pass does between its beginning and its end.
struct Program {
  /// Two of one name run the same blocks, work on the same memory and multiply by the same factors: an engine may keep
  /// one ready for the next.
  std::string name;
  /// What `begin` gave -> what `end` takes.
  std::function<torch::Tensor(Pass& pass, torch::Tensor tokens)> run;
};

}  // namespace dydit::engine
