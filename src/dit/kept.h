// SPDX-License-Identifier: Apache-2.0
// An engine that executes what is on and nothing else: images of one plan go through their blocks together, with the
// weights of its units packed. How a block is run is for others to say.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "blocks.h"
#include "dit/packing.h"

namespace dydit::dit {

class Kept : public engine::Engine {
 public:
  Kept(DiT dit, const engine::Options& options);

  Outcome forward(const model::Inputs& in, const Masks& given, Overruled routers) override;
  std::unique_ptr<engine::Pass> pass(const model::Inputs& in, const Masks& given, Overruled routers) override;
  void plan(const torch::Tensor& timesteps) override;
  void plan(const Masks& widths) override;
  std::optional<engine::RoundedPlan> rounded_plan() const override { return rounded_plan_; }
  std::size_t packed_bytes() const override { return packing_->bytes(); }
  double weight_bytes(const model::Activity& activity) const override;
  std::vector<std::function<void()>> blocks_alone(const std::vector<Masks>& masks) override;

 protected:
  /// What is decided before the first block.
  struct Decision {
    torch::Tensor time = {};  ///< the timesteps' embedding (N,D), where it was needed
    Masks imposed = {};       ///< as given, one for each axis
    Widths widths = {};       ///< tokens undefined
    std::map<WidthPlan, std::vector<std::int64_t>> groups = {};  ///< the images of each plan
  };
  virtual Decision decide(const model::Inputs& in, const Masks& given, Overruled routers);
  /// At timesteps whose widths are known, without their routers; nothing where one is not.
  std::optional<Decision> known(const model::Inputs& in);
  /// Of routers whose widths are imposed: none runs where widths of timesteps are known, or were planned.
  Overruled of_widths(Overruled routers) const { return knows_ ? Overruled::skipped : routers; }
  /// Makes them known (K). Throws NotFinite. -> their widths (K,depth,H), decided and rounded up
  engine::RoundedPlan know(const torch::Tensor& timesteps);
  bool rounds() const { return !round_up_.empty(); }
  /// Widths of both axes with as many units on as the options round up to, the next ones by the logits that are there.
  Masks rounded(const Masks& widths, const Masks& logits = Masks(3)) const;
  static std::map<WidthPlan, std::vector<std::int64_t>> groups_of(const Masks& widths);
  /// Throws UsageError where images have several.
  static WidthPlan one_plan(const std::map<WidthPlan, std::vector<std::int64_t>>& groups);

  /// Images of one plan. `imposed`: tokens (n,depth,T), or undefined; `time` as in a Decision.
  virtual PartialOutcome run(const WidthPlan& plan, const model::Inputs& in, const torch::Tensor& time,
                             const torch::Tensor& imposed, Overruled routers) = 0;
  /// How their blocks are run, in stretches.
  virtual RunBlock blocks(const WidthPlan& plan, const torch::Tensor& imposed, Overruled routers) = 0;

  DiT dit_;
  std::shared_ptr<Packing> packing_;

 private:
  // One timestep's heads and channels (depth,H).
  struct Known {
    torch::Tensor heads, channels;
    WidthPlan plan;
    Masks of_batch;  // (N,depth,H), the last one: it is the same tensors again
  };
  void prepare(const engine::RoundedPlan& plan);

  std::map<double, Known> known_;
  bool knows_ = false;
  engine::RoundUp round_up_;
  std::optional<engine::RoundedPlan> rounded_plan_;
};

}  // namespace dydit::dit
