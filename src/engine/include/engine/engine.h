// SPDX-License-Identifier: Apache-2.0
// Execution of a dynamic model (DyDiT, arXiv 2410.03456): its routers choose heads and channel groups by the
// timestep, and tokens by their content. Every engine computes the same function.
// Shapes: N images, T tokens, H heads and as many channel groups.
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>

#include "cost/macs.h"
#include "model/dit.h"

namespace dydit::engine {

/// What is on, bool: heads and channels (N,depth,H), tokens (N,depth,T). Head 0 and group 0 are always on, unless the
/// configuration says otherwise: then a block may have no head or no group on, and adds its projection's or fc2's gated
/// bias alone.
struct Masks {
  torch::Tensor heads, channels, tokens;
};

/// How much is on, the mean over the images.
cost::Activity activity_of(const Masks& masks);

/// (N,4): of each image the share of the blocks' MACs (see cost::lambda_realised), of heads, of channel groups and of
/// tokens. Of masks of any type, that of floats is kept and their gradients flow.
torch::Tensor shares_of(const Masks& masks, const model::Configuration& configuration);

struct Outcome {
  torch::Tensor output;  ///< as DiT::forward's
  Masks masks;           ///< that were executed
  Masks logits;          ///< float, of the routers that were run: heads and channels (N,depth,R), of the last R of
                         ///< H units, see Configuration::routed_units; else undefined
};

/// What becomes of a router whose decision is imposed: skipped, or run, and its result discarded, so that the timing
/// includes it. The width routers of a planned timestep are left out either way, as they are without masks.
enum class Overruled { skipped, run };

class Engine {
 public:
  virtual ~Engine() = default;
  /// x, t and y as DiT::forward's. A mask that `imposed` has takes the place of its routers' decisions.
  /// Throws UsageError where an imposed mask has another shape or switches off a unit that is always on, NotFinite
  /// where a router's logit or the output is not finite: neither is a decision. On a GPU the host waits for that.
  virtual Outcome forward(const torch::Tensor& x, const torch::Tensor& t, const torch::Tensor& y,
                          const Masks& imposed = {}, Overruled routers = Overruled::skipped) = 0;
  /// Makes ready for forward passes at these timesteps (K), or with these heads and channels (K,depth,H), in their
  /// order, so that none of them has to pack; what is beyond the budget is packed in its pass. After the first plan or
  /// pass the weights must not change. Throws as forward does.
  virtual void plan(const torch::Tensor& timesteps) = 0;
  virtual void plan(const Masks& widths) = 0;
  /// Bytes of weights that are kept beside the model's own.
  virtual std::size_t packed_bytes() const = 0;
  /// Whether forward looks for values that are not finite. Who times passes looks before and after them instead: on a GPU the
  /// host waits for the answer.
  bool checks_finite = true;
};

/// The published semantics: everything is computed, and multiplied by the masks.
std::unique_ptr<Engine> masked_engine(model::DiT dit);

struct CompactOptions {
  std::size_t packing_budget = std::size_t{2} << 30;  ///< bytes of packed weights that are kept
};

/// The same function with nothing multiplied by zero: for each timestep the weights of its heads and groups packed
/// together, and the MLP on the routed tokens of the batch alone. For inference.
std::unique_ptr<Engine> compact_engine(model::DiT dit, const CompactOptions& options = {});

/// "masked" or "compact"; throws UsageError naming them.
std::unique_ptr<Engine> engine_named(const std::string& name, model::DiT dit, const CompactOptions& options = {});

}  // namespace dydit::engine
