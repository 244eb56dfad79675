// SPDX-License-Identifier: Apache-2.0
// Execution of a model whose routers choose which of its units are on (DyDiT, arXiv 2410.03456). Every engine of a
// model computes the same function.
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/rounding.h"

namespace dydit::engine {

/// How much is on, the mean over the images.
model::Activity activity_of(const Masks& masks);

/// (N, 1 + axes), of a dynamic model: of each image the share of the blocks' MACs (see cost::lambda_realised), then
/// that of each axis. Of masks of any type, that of floats is kept and their gradients flow.
torch::Tensor shares_of(const Masks& masks, const model::Architecture& architecture);

/// Everything on, for `images` images.
Masks all_on(const model::Architecture& architecture, std::int64_t images, torch::Device device);

/// Images [first, first + count) of masks.
Masks narrow(const Masks& masks, std::int64_t first, std::int64_t count);
/// Of all images together.
Masks concatenated(const std::vector<Masks>& masks);

/// Passes that follow one another: each with the next inputs and masks.
struct Passes {
  std::vector<model::Inputs> inputs;
  std::vector<Masks> masks;  ///< one for each
  bool in_turn = true;       ///< a run is one pass, the next each time; else a run is all of them
};

/// A part of passes, run by itself at the shapes that their masks leave; names are those of docs/dynamic.md.
struct PartRun {
  std::string name;
  std::function<void(std::int64_t run)> run;
};

class Engine {
 public:
  virtual ~Engine() = default;
  /// A mask that `imposed` has takes the place of its routers' decisions; it must not change after it was given. Throws
  /// UsageError where an imposed mask has another shape or switches off a unit that is always on, NotFinite where a
  /// router's logit or the output is not finite: neither is a decision. On a GPU the host waits for that.
  virtual Outcome forward(const model::Inputs& in, const Masks& imposed = {},
                          Overruled routers = Overruled::skipped) = 0;
  /// A pass in stretches of blocks; images are at one time. Throws as forward does, and UsageError where the engine has
  /// none.
  virtual std::unique_ptr<Pass> pass(const model::Inputs& in, const Masks& imposed = {},
                                     Overruled routers = Overruled::skipped);
  /// Such a pass by a program, which imposes nothing.
  virtual Outcome forward_by(const Program& program, const model::Inputs& in, const Masks& imposed, Overruled routers);
  /// Whether programs are kept ready, so that the memory that they work on has to stay where it is.
  virtual bool keeps_programs() const { return false; }
  /// Whether routers and masks change what is computed.
  virtual bool decides() const { return true; }
  /// From here on `forward` is asked of one trajectory, so many times: what it keeps of another is forgotten.
  virtual void begin(std::int64_t /*passes*/) {}
  /// Makes ready for forward passes at these times (K), or with these masks of the axes that the timestep decides
  /// about (K,layers,units), in their order, so that none of them has to pack; what is beyond the budget is packed in
  /// its pass. After the first plan or pass the weights must not change. Throws as forward does.
  virtual void plan(const torch::Tensor& /*times*/) {}
  virtual void plan(const Masks& /*of_timesteps*/) {}
  /// What the last plan would have on and what it has, where numbers of units are rounded up (Options::round_up).
  virtual std::optional<RoundedPlan> rounded_plan() const { return std::nullopt; }
  /// Bytes of weights that are kept beside the model's own.
  virtual std::size_t packed_bytes() const { return 0; }
  /// Bytes of weights that a pass reads with so much on.
  virtual double weight_bytes(const model::Activity& activity) const = 0;
  /// What a waterfall is derived from; nothing where it cannot be.
  virtual std::vector<PartRun> parts(const Passes& /*passes*/) { return {}; }
  /// For each of these masks, which impose every axis on as many images, runs of one block by itself, of the shapes
  /// that the first layer has: what they take says what units cost. The engine outlives them. Nothing where no block
  /// can be run by itself.
  virtual std::vector<std::function<void()>> blocks_alone(const std::vector<Masks>& /*masks*/) { return {}; }
  /// Whether forward looks for values that are not finite. Who times passes looks before and after them instead: on a
  /// GPU the host waits for the answer.
  bool checks_finite = true;
};

/// Throws UsageError unless the masks that are there fit so many images of the model; gives one for each axis.
Masks require_fit(const Masks& imposed, const std::vector<model::UnitAxis>& units, std::int64_t images);

/// What an engine does with units that are off: the complete model has none, the masked one computes them and
/// multiplies by 0, the others keep what is on.
enum class Executes { all, masked, kept };
std::string to_string(Executes executes);

struct Options {
  /// Bytes of packed weights that are kept; not given: the larger of 2 GiB and an eighth of what a GPU has free when
  /// the engine is made.
  std::optional<std::size_t> packing_budget = {};
  /// Of an engine that keeps what is on: more units than decided or imposed stay on. It decides about axes of
  /// timesteps.
  RoundUp round_up = {};
};

/// An engine of a family of models: a row of its table.
struct Row {
  std::string name;  ///< on the command line, in profiles and in records
  std::string help;
  Executes executes;
  std::function<std::unique_ptr<Engine>(std::shared_ptr<model::Network>, const Options&)> make;
  /// The engine that runs the complete model in the same way, of those that keep or mask: a model without routers is
  /// given to it. "": there is none.
  std::string complete = {};
  /// Where nobody says, taken before the others that execute the same if it can run the network where that lies.
  std::function<bool(const model::Network&)> preferred = {};
};

/// Of a module's parameters.
double bytes_of(const torch::nn::Module& module);

/// The complete model: it takes no mask with a unit off, and whether its output is finite is for others to ask.
class Dense : public Engine {
 public:
  explicit Dense(std::shared_ptr<model::Network> network) : network_(std::move(network)) {}
  Outcome forward(const model::Inputs& in, const Masks& imposed, Overruled routers) override;
  bool decides() const override { return false; }
  double weight_bytes(const model::Activity&) const override { return bytes_of(*network_); }

 protected:
  /// Throws UsageError where a unit is off.
  void require_complete(const Masks& imposed, std::int64_t images) const;
  /// Everything on, in the memory of one number.
  Masks all_on(std::int64_t images, torch::Device device);

 private:
  std::shared_ptr<model::Network> network_;
  torch::Tensor on_;
};

}  // namespace dydit::engine
