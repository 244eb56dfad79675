// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include <array>
#include <list>

#include "base/range.h"
#include "dit/engines.h"
#include "fused_model.h"
#include "kept.h"
#include "known_tensor.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

constexpr auto no_budget = std::size_t{0};  // of the complete model, whose weights are its own

// Masks of which nothing is on in a part of a block that did not run.
Tensor in_part(const Tensor& mask, const Outcome& outcome, model::BlockPart part) {
  return where_ran(mask, outcome.ran[static_cast<std::size_t>(part)]);
}

class FusedDense final : public engine::Dense {
 public:
  explicit FusedDense(const DiT& dit)
      : Dense(dit.ptr()), dit_(dit), model_(dit, std::make_shared<Packing>(dit, no_budget)) {}

  Outcome forward(const model::Inputs& in, const Masks& imposed, Overruled) override {
    torch::NoGradGuard no_grad;
    const Range range("pass");
    require_complete(imposed, in.x.size(0));
    return {model_.pass({}, in, {}).output, all_on(in.x.size(0), in.x.device())};
  }

  Outcome forward_by(const engine::Program& program, const model::Inputs& in, const Masks& imposed,
                     Overruled) override {
    torch::NoGradGuard no_grad;
    require_complete(imposed, in.x.size(0));
    Outcome outcome = model_.pass({}, in, {}, &program);
    using model::BlockPart;
    const std::array parts{BlockPart::attention, BlockPart::mlp, BlockPart::mlp};  // of heads, channels and tokens
    for (const Tensor& on : all_on(in.x.size(0), in.x.device()))
      outcome.masks.push_back(in_part(on, outcome, parts.at(outcome.masks.size())));
    return outcome;
  }

  bool keeps_programs() const override { return true; }
  std::size_t packed_bytes() const override { return model_.bytes(); }

  std::unique_ptr<engine::Pass> pass(const model::Inputs& in, const Masks& imposed, Overruled) override {
    require_complete(imposed, in.x.size(0));
    const RunBlock run = [this](Tensor x, const BlockAt& at) { return model_.block(std::move(x), at, {}, {}, {}); };
    return complete_stretches(dit_, in, run);
  }

 private:
  DiT dit_;
  FusedModel model_;
};

class Fused final : public Kept {
 public:
  Fused(const DiT& dit, const engine::Options& options) : Kept(dit, options), model_(dit_, packing_) {}
  Outcome forward_by(const engine::Program& program, const model::Inputs& in, const Masks& imposed,
                     Overruled routers) override;
  bool keeps_programs() const override { return true; }
  std::size_t packed_bytes() const override { return Kept::packed_bytes() + model_.bytes(); }
  std::vector<std::function<void()>> blocks_alone(const std::vector<Masks>& masks) override;

 private:
  // Imposed widths that were looked at. Who gives them anew gives the same tensors, and nobody waits for the GPU again.
  struct Seen {
    KnownTensor heads, channels;
    Masks widths;  // rounded up, where they are
    std::map<WidthPlan, std::vector<std::int64_t>> groups;
  };

  Decision decide(const model::Inputs& in, const Masks& given, Overruled routers) override;
  const Seen& seen(const Masks& given, std::int64_t images);

  PartialOutcome run(const WidthPlan& plan, const model::Inputs& in, const Tensor&, const Tensor& imposed,
                     Overruled routers) override {
    const Outcome outcome = model_.pass({.plan = plan, .imposed = imposed.defined(), .routers = routers}, in, imposed);
    return {outcome.output, outcome.masks[axis::tokens], outcome.logits[axis::tokens]};
  }
  RunBlock blocks(const WidthPlan& plan, const Tensor& imposed, Overruled routers) override {
    return [this, pass = FusedPass{.plan = plan, .imposed = imposed.defined(), .routers = routers}, imposed](
               Tensor x, const BlockAt& at) {
      return model_.block(std::move(x), at, pass, imposed, model_.no_counts().narrow(0, 0, 1));
    };
  }

  FusedModel model_;
  std::list<Seen> seen_;
};

Outcome Fused::forward_by(const engine::Program& program, const model::Inputs& in, const Masks& given,
                          Overruled routers) {
  torch::NoGradGuard no_grad;
  const Decision decision = decide(in, given, routers);
  const Tensor& tokens = decision.imposed[axis::tokens];
  Outcome outcome = model_.pass({.plan = one_plan(decision.groups), .imposed = tokens.defined(), .routers = routers},
                                in, tokens, &program);
  for (const auto& [axis, part] :
       {std::pair{axis::heads, model::BlockPart::attention}, {axis::channels, model::BlockPart::mlp}}) {
    outcome.masks[axis] = in_part(decision.widths.masks[axis], outcome, part);
    outcome.logits[axis] = decision.widths.logits[axis];
  }
  if (checks_finite) require_finite(outcome);
  return outcome;
}

const Fused::Seen& Fused::seen(const Masks& given, std::int64_t images) {
  const Tensor &heads = given[axis::heads], &channels = given[axis::channels];
  for (const Seen& one : seen_)
    if (one.heads.is(heads) && one.channels.is(channels)) return one;
  const Masks fitting = engine::require_fit({heads, channels, Tensor()}, dit_->architecture.units, images);
  std::erase_if(seen_, [](const Seen& one) { return one.heads.gone() || one.channels.gone(); });
  const Masks more = rounds() ? rounded(fitting) : Masks();  // whatever is kept of those that are given never expires
  seen_.push_front({KnownTensor(heads), KnownTensor(channels), more, groups_of(rounds() ? more : fitting)});
  return seen_.front();
}

Kept::Decision Fused::decide(const model::Inputs& in, const Masks& given, Overruled routers) {
  const std::int64_t images = in.x.size(0);
  const bool fits = given.size() == dit_->architecture.units.size();
  const bool heads = fits && given[axis::heads].defined(), channels = fits && given[axis::channels].defined();
  if (heads && channels && of_widths(routers) == Overruled::skipped) {
    engine::require_fit({Tensor(), Tensor(), given[axis::tokens]}, dit_->architecture.units, images);
    const Seen& one = seen(given, images);
    const Masks& widths = rounds() ? one.widths : given;
    return {.time = {},
            .imposed = given,
            .widths = {.masks = {widths[axis::heads], widths[axis::channels], Tensor()}, .logits = Masks(3)},
            .groups = one.groups};
  }
  if (heads || channels || (!given.empty() && !fits)) return Kept::decide(in, given, routers);
  const Masks imposed = engine::require_fit(given, dit_->architecture.units, images);
  auto decision = known(in);
  if (!decision) {
    know(std::get<0>(at::_unique(in.t)));
    decision = known(in);
  }
  decision->imposed = imposed;
  return *decision;
}

// As a pass has them: kernels of a graph, whose launches take no part.
std::vector<std::function<void()>> Fused::blocks_alone(const std::vector<Masks>& masks) {
  std::vector<std::function<void()>> runs;
  const auto memory = gpu::graph_memory();
  for (const std::function<void()>& run : Kept::blocks_alone(masks)) {
    run();  // its shapes are measured
    const auto graph = std::make_shared<gpu::Graph>(std::vector<Tensor>{}, memory, [&](const auto&) {
      run();
      return std::vector<Tensor>{};
    });
    runs.push_back([graph, run] { graph->run({}); });  // `run` has what the graph works on
  }
  return runs;
}

}  // namespace

std::unique_ptr<engine::Engine> fused_engine(DiT dit, const engine::Options& options) {
  if (!dit->configuration.dynamic) return fused_dense_engine(std::move(dit));
  return std::make_unique<Fused>(dit, options);
}

std::unique_ptr<engine::Engine> fused_dense_engine(DiT dit) { return std::make_unique<FusedDense>(dit); }

}  // namespace dydit::dit
