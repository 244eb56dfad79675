// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "base/error.h"
#include "base/range.h"
#include "blocks.h"
#include "dit/engines.h"
#include "dit/packing.h"
#include "model/attention.h"
#include "model/fused.h"
#include "parts.h"

namespace dydit::dit {

using model::BlockPart;
using torch::Tensor;

namespace {

class Compact final : public engine::Engine {
 public:
  Compact(DiT dit, const engine::Options& options)
      : dit_(std::move(dit)), packing_(std::make_shared<Packing>(dit_, options.packing_budget)) {}

  Outcome forward(const model::Inputs& in, const Masks& given, Overruled routers) override;
  std::unique_ptr<engine::Pass> pass(const model::Inputs& in, const Masks& given, Overruled routers) override;
  void plan(const Tensor& timesteps) override;
  void plan(const Masks& widths) override;
  std::size_t packed_bytes() const override { return packing_->bytes(); }
  double weight_bytes(const model::Activity& activity) const override;
  std::vector<engine::PartRun> parts(const engine::Passes& passes) override {
    return parts_of(dit_, packing_, memory_, passes, Parts::Of::engine);
  }

 private:
  // One timestep's heads and channels (depth,H).
  struct Planned {
    Tensor heads, channels;
  };
  Widths widths_at(const Tensor& t, const Tensor& time, const Masks& imposed, Overruled routers) const;
  RunBlock blocks(const WidthPlan& plan, const Tensor& imposed, Overruled routers);
  Tensor attention(Tensor x, const BlockAt& at, const Units& heads);
  Tensor mlp(const Tensor& normed, std::size_t layer, const Units& groups);
  Tensor routed_mlp(Tensor residual, const Tensor& mask, const BlockAt& at, const Units& groups);

  DiT dit_;
  std::shared_ptr<Packing> packing_;
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
  std::map<double, Planned> planned_;
};

// The attention of the heads that are on, added to x. Of none its projection's bias is left.
Tensor Compact::attention(Tensor x, const BlockAt& at, const Units& heads) {
  const auto& m = at.modulation;
  if (none(heads)) {
    const Tensor& bias = dit_->block(at.layer).attn->proj->bias;
    if (at.keep) at.keep(BlockPart::attention, bias.expand_as(x));
    return torch::addcmul(x, m.gate1.unsqueeze(1), bias);
  }
  const Tensor attended = in_range("attention", [&] {
    const auto packed = packing_->attention(at.layer, heads);
    Tensor normed = model::modulated_norm(x, m.shift1, m.scale1);
    const Tensor qkv = in_range("qkv", [&] { return packed->in.forward(std::exchange(normed, {})); });
    const Tensor mixed = model::attention(qkv, packed->units);
    return in_range("proj", [&] { return packed->out.forward(mixed); });
  });
  if (at.keep) at.keep(BlockPart::attention, attended);
  return model::gated_residual(std::move(x), attended, m.gate1);
}

Tensor Compact::mlp(const Tensor& normed, std::size_t layer, const Units& groups) {
  const Range range("mlp");
  const auto packed = packing_->mlp(layer, groups);
  const Tensor hidden = in_range("fc1", [&] { return packed->in.gelu(normed); });
  return in_range("fc2", [&] { return packed->out.forward(hidden); });
}

// The MLP on the tokens of `mask` (N,T) alone, added to the residual. Of no group the bias of fc2 is left.
Tensor Compact::routed_mlp(Tensor residual, const Tensor& mask, const BlockAt& at, const Units& groups) {
  const auto& m = at.modulation;
  if (none(groups)) {
    const Tensor bias = mask.unsqueeze(2).to(residual.scalar_type()) * dit_->block(at.layer).mlp->fc2->bias;
    if (at.keep) at.keep(BlockPart::mlp, bias);
    return torch::addcmul(residual, m.gate2.unsqueeze(1), bias);
  }
  const Routed routed = routed_of(mask);
  const std::int64_t count = routed.rows.numel();
  if (count == 0) {
    if (at.keep) at.keep(BlockPart::mlp, torch::zeros_like(residual));
    return residual;
  }
  if (count == mask.numel()) {
    const Tensor out = mlp(model::modulated_norm(residual, m.shift2, m.scale2), at.layer, groups);
    if (at.keep) at.keep(BlockPart::mlp, out);
    return model::gated_residual(std::move(residual), out, m.gate2);
  }
  const Tensor normed = model::modulated_norm_rows(residual, routed.rows, m.shift2, m.scale2, routed.height);
  const Tensor out = mlp(normed, at.layer, groups);
  if (at.keep) {
    const Tensor all = torch::zeros_like(residual);
    all.flatten(0, 1).index_copy_(0, routed.rows, out.narrow(0, 0, count));
    at.keep(BlockPart::mlp, all);
  }
  model::add_gated_rows(residual, routed.rows, out, m.gate2);
  return residual;
}

// Of images of one plan. `imposed`: tokens (N,depth,T), or undefined.
RunBlock Compact::blocks(const WidthPlan& plan, const Tensor& imposed, Overruled routers) {
  return [this, plan, imposed, routers](Tensor x, const BlockAt& at) {
    Tensor residual = attention(std::move(x), at, plan.heads[at.layer]);
    at.on.masks.push_back(
        tokens_of(dit_->block(at.layer), at.layer, residual, at.share.of(imposed), routers, at.on.logits));
    return routed_mlp(std::move(residual), at.on.masks.back(), at, plan.channels[at.layer]);
  };
}

// As widths_of, but timesteps that are planned need no router.
Widths Compact::widths_at(const Tensor& t, const Tensor& time, const Masks& imposed, Overruled routers) const {
  const bool both = imposed[axis::heads].defined() && imposed[axis::channels].defined();
  if (planned_.empty() || (both && routers == Overruled::skipped)) return widths_of(dit_, time, imposed, routers);
  const Tensor timesteps = t.to(torch::kCPU, torch::kFloat64);
  std::vector<Tensor> heads, channels;
  for (std::int64_t i = 0; i < timesteps.numel(); ++i) {
    const auto found = planned_.find(timesteps.const_data_ptr<double>()[i]);
    if (found == planned_.end()) return widths_of(dit_, time, imposed, routers);
    heads.push_back(found->second.heads);
    channels.push_back(found->second.channels);
  }
  return {.masks = {imposed[axis::heads].defined() ? imposed[axis::heads] : torch::stack(heads),
                    imposed[axis::channels].defined() ? imposed[axis::channels] : torch::stack(channels), Tensor()},
          .logits = Masks(3)};
}

Outcome Compact::forward(const model::Inputs& in, const Masks& given, Overruled routers) {
  torch::NoGradGuard no_grad;
  const Range range("pass");
  const auto& [x, t, y] = in;
  const Masks imposed = engine::require_fit(given, dit_->architecture.units, x.size(0));
  const model::OnlyShares only(x.device());
  const Tensor time = dit_->t_embedder(t);
  const Widths widths = widths_at(t, time, imposed, routers);
  const Tensor heads = widths.masks[axis::heads].cpu(), channels = widths.masks[axis::channels].cpu();
  std::map<WidthPlan, std::vector<std::int64_t>> groups;
  for (std::int64_t i = 0; i < x.size(0); ++i) groups[{units_of(heads[i]), units_of(channels[i])}].push_back(i);

  Outcome outcome{.output = {}, .masks = widths.masks, .logits = widths.logits};
  const bool one = groups.size() == 1;  // of all images: nothing is copied
  const auto put = [&](Tensor& whole, const Tensor& images, const Tensor& part) {
    if (one) whole = part;
    if (one || !part.defined()) return;
    if (!whole.defined()) {
      auto sizes = part.sizes().vec();
      sizes.front() = x.size(0);
      whole = torch::empty(sizes, part.options());
    }
    whole.index_copy_(0, images, part);
  };
  for (const auto& [plan, members] : groups) {
    const Tensor images = one ? Tensor() : torch::tensor(members, torch::kInt64).to(x.device());
    const auto of = [&](const Tensor& tensor) {
      return one || !tensor.defined() ? tensor : tensor.index_select(0, images);
    };
    const PartialOutcome part =
        pass_of(dit_, of(x), dit_->condition(of(time), of(y)), blocks(plan, of(imposed[axis::tokens]), routers));
    put(outcome.output, images, part.output);
    put(outcome.masks[axis::tokens], images, part.tokens);
    put(outcome.logits[axis::tokens], images, part.token_logits);
  }
  if (checks_finite) require_finite(outcome);
  return outcome;
}

std::unique_ptr<engine::Pass> Compact::pass(const model::Inputs& in, const Masks& given, Overruled routers) {
  torch::NoGradGuard no_grad;
  const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
  const model::OnlyShares only(in.x.device());
  const Tensor time = dit_->t_embedder(in.t);
  Widths widths = widths_at(in.t, time, imposed, routers);
  widths.masks[axis::tokens] = imposed[axis::tokens];
  const auto under = [this](const Masks& masks, Overruled of_masks) {
    const Tensor heads = masks[axis::heads].cpu(), channels = masks[axis::channels].cpu();
    for (const Tensor& widths_of_images : {heads, channels})
      if (!widths_of_images.eq(widths_of_images.narrow(0, 0, 1)).all().item<bool>())
        throw UsageError("images of one pass have different widths", "cache", "give images at one time");
    return blocks({units_of(heads[0]), units_of(channels[0])}, masks[axis::tokens], of_masks);
  };
  return stretches(dit_, {in, time, widths.masks, widths.logits, routers, checks_finite}, under);
}

void Compact::plan(const Tensor& timesteps) {
  torch::NoGradGuard no_grad;
  const auto [widths, logits] = widths_of(dit_, dit_->t_embedder(timesteps), Masks(3), Overruled::skipped);
  require_finite(logits);
  const Tensor at = timesteps.to(torch::kCPU, torch::kFloat64);
  for (std::int64_t i = 0; i < at.numel(); ++i)
    planned_[at.const_data_ptr<double>()[i]] = {widths[axis::heads][i], widths[axis::channels][i]};
  plan(widths);
}

void Compact::plan(const Masks& widths) {
  torch::NoGradGuard no_grad;
  if (widths.size() < 2 || !widths[axis::heads].defined() || !widths[axis::channels].defined())
    throw UsageError("a plan without widths", "masks", "give heads and channels");
  const Masks both{widths[axis::heads], widths[axis::channels], Tensor()};
  engine::require_fit(both, dit_->architecture.units, both[axis::heads].size(0));
  const Tensor heads = both[axis::heads].cpu(), channels = both[axis::channels].cpu();
  std::vector<WidthPlan> plans;
  for (std::int64_t i = 0; i < heads.size(0); ++i) plans.push_back({units_of(heads[i]), units_of(channels[i])});
  packing_->prepare(plans);
}

// All but those of the units that are off.
double Compact::weight_bytes(const model::Activity& activity) const {
  double bytes = engine::bytes_of(*dit_);
  const auto units = static_cast<double>(dit_->configuration.num_heads);
  const auto both = [](const model::Linear& first, const model::Linear& second) {
    return static_cast<double>(first->weight.nbytes() + second->weight.nbytes());
  };
  for (std::size_t layer = 0; layer < dit_->blocks->size(); ++layer) {
    const BlockImpl& block = dit_->block(layer);
    bytes -= (1 - activity.on[axis::heads][layer] / units) * both(block.attn->qkv, block.attn->proj) +
             (1 - activity.on[axis::channels][layer] / units) * both(block.mlp->fc1, block.mlp->fc2);
  }
  return bytes;
}

}  // namespace

std::unique_ptr<engine::Engine> compact_engine(DiT dit, const engine::Options& options) {
  require_routers(dit->configuration);
  return std::make_unique<Compact>(std::move(dit), options);
}

}  // namespace dydit::dit
