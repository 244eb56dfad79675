// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/range.h"
#include "dit/engines.h"
#include "kept.h"
#include "model/attention.h"
#include "model/fused.h"
#include "parts.h"

namespace dydit::dit {

using model::BlockPart;
using torch::Tensor;

namespace {

class Compact final : public Kept {
 public:
  using Kept::Kept;
  std::vector<engine::PartRun> parts(const engine::Passes& passes) override {
    return parts_of(dit_, packing_, memory_, passes, Parts::Of::engine);
  }

 private:
  PartialOutcome run(const WidthPlan& plan, const model::Inputs& in, const Tensor& time, const Tensor& imposed,
                     Overruled routers) override {
    return pass_of(dit_, in.x, dit_->condition(time, in.y), blocks(plan, imposed, routers));
  }
  RunBlock blocks(const WidthPlan& plan, const Tensor& imposed, Overruled routers) override;
  Tensor attention(Tensor x, const BlockAt& at, const Units& heads);
  Tensor mlp(const Tensor& normed, std::size_t layer, const Units& groups);
  Tensor routed_mlp(Tensor residual, const Tensor& mask, const BlockAt& at, const Units& groups);

  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
};

// The attention of the heads that are on, added to x. Of none its projection's bias is left.
Tensor Compact::attention(Tensor x, const BlockAt& at, const Units& heads) {
  const auto& m = at.modulation;
  if (none(heads)) {
    const Tensor& bias = dit_->block(at.layer).attn->proj->bias;
    at.parts.keep(BlockPart::attention, bias.expand_as(x));
    return torch::addcmul(x, m.gate1.unsqueeze(1), bias);
  }
  const Tensor attended = in_range("attention", [&] {
    const auto packed = packing_->attention(at.layer, heads);
    Tensor normed = model::modulated_norm(x, m.shift1, m.scale1);
    const Tensor qkv = in_range("qkv", [&] { return packed->in.forward(std::exchange(normed, {})); });
    const Tensor mixed = model::attention(qkv, packed->units);
    return in_range("proj", [&] { return packed->out.forward(mixed); });
  });
  at.parts.keep(BlockPart::attention, attended);
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
    at.parts.keep(BlockPart::mlp, bias);
    return torch::addcmul(residual, m.gate2.unsqueeze(1), bias);
  }
  const Routed routed = routed_of(mask);
  const std::int64_t count = routed.rows.numel();
  if (count == 0) {
    at.parts.keep(BlockPart::mlp, torch::zeros({1}, residual.options()));
    return residual;
  }
  if (count == mask.numel()) {
    const Tensor out = mlp(model::modulated_norm(residual, m.shift2, m.scale2), at.layer, groups);
    at.parts.keep(BlockPart::mlp, out);
    return model::gated_residual(std::move(residual), out, m.gate2);
  }
  const Tensor normed = model::modulated_norm_rows(residual, routed.rows, m.shift2, m.scale2, routed.height);
  const Tensor out = mlp(normed, at.layer, groups);
  if (at.parts.both.defined())
    at.parts.of(BlockPart::mlp).zero_().flatten(0, 1).index_copy_(0, routed.rows, out.narrow(0, 0, count));
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

}  // namespace

std::unique_ptr<engine::Engine> compact_engine(DiT dit, const engine::Options& options) {
  require_routers(dit->configuration);
  return std::make_unique<Compact>(std::move(dit), options);
}

}  // namespace dydit::dit
