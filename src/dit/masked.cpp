// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/range.h"
#include "blocks.h"
#include "dit/engines.h"
#include "masked_block.h"
#include "model/attention.h"
#include "model/fused.h"

namespace dydit::dit {

using torch::Tensor;

// (N,T,D) whose D are H equal parts, each multiplied by its unit's mask (N,H).
static Tensor times_units(const Tensor& x, const Tensor& mask) {
  const Range range("mask");
  return (x.unflatten(2, {mask.size(1), -1}) * mask.unsqueeze(1).unsqueeze(3).to(x.scalar_type())).flatten(2);
}

Tensor masked_block(BlockImpl& block, Tensor x, const BlockImpl::Modulation& m, const Tensor& heads,
                    const Tensor& channels, const TokenMask& tokens, const KeptParts& parts) {
  const Tensor attended = in_range("attention", [&] {
    Tensor normed = model::modulated_norm(x, m.shift1, m.scale1);
    const Tensor qkv = in_range("qkv", [&] { return block.attn->qkv(std::exchange(normed, {})); });
    const Tensor mixed = times_units(model::attention(qkv, block.attn->num_heads), heads);
    return in_range("proj", [&] { return block.attn->proj(mixed); });
  });
  parts.keep(model::BlockPart::attention, attended);
  auto [residual, normed] = model::gated_residual_norm(std::move(x), attended, m.gate1, m.shift2, m.scale2);
  const Tensor mask = tokens(residual);
  const Tensor masked = in_range("mlp", [&] {
    // GELU(0) = 0: a channel that is off before it is off behind it.
    const Tensor hidden = times_units(in_range("fc1", [&] { return block.mlp->fc1(normed); }), channels);
    Tensor active = in_range("gelu", [&] { return torch::gelu(hidden, "tanh"); });
    const Tensor out = in_range("fc2", [&] { return block.mlp->fc2(std::exchange(active, {})); });
    return in_range("mask", [&] { return out * mask.unsqueeze(2).to(out.scalar_type()); });
  });
  parts.keep(model::BlockPart::mlp, masked);
  return model::gated_residual(std::move(residual), masked, m.gate2);
}

namespace {

class Masked final : public engine::Engine {
 public:
  explicit Masked(DiT dit) : dit_(std::move(dit)) {}

  Outcome forward(const model::Inputs& in, const Masks& given, Overruled routers) override {
    const Range range("pass");
    const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
    const model::OnlyShares only(in.x.device());
    const Tensor time = dit_->t_embedder(in.t);
    Widths widths = widths_of(dit_, time, imposed, routers);
    const Conditioning conditioning = dit_->condition(time, in.y);
    const PartialOutcome whole =
        pass_of(dit_, in.x, conditioning, blocks(widths.masks, imposed[axis::tokens], routers));
    widths.masks[axis::tokens] = whole.tokens;
    widths.logits[axis::tokens] = whole.token_logits;
    const Outcome outcome{whole.output, widths.masks, widths.logits};
    if (checks_finite) require_finite(outcome);
    return outcome;
  }

  std::unique_ptr<engine::Pass> pass(const model::Inputs& in, const Masks& given, Overruled routers) override {
    const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
    const model::OnlyShares only(in.x.device());
    const Tensor time = dit_->t_embedder(in.t);
    Widths widths = widths_of(dit_, time, imposed, routers);
    widths.masks[axis::tokens] = imposed[axis::tokens];
    return stretches(
        dit_, {in, widths.masks, widths.logits, routers, checks_finite}, frame_of(dit_, in, time),
        [this](const Masks& masks, Overruled of_masks) { return blocks(masks, masks[axis::tokens], of_masks); });
  }

  double weight_bytes(const model::Activity&) const override { return engine::bytes_of(*dit_); }

 private:
  RunBlock blocks(const Masks& widths, const Tensor& imposed, Overruled routers) const {
    return [this, widths, imposed, routers](Tensor x, const BlockAt& at) {
      BlockImpl& block = dit_->block(at.layer);
      const auto tokens = [&](const Tensor& residual) {
        return at.on.masks.emplace_back(
            tokens_of(block, at.layer, residual, at.share.of(imposed), routers, at.on.logits));
      };
      const auto of = [&](std::size_t axis) { return layer_of(at.share.of(widths[axis]), at.layer); };
      return masked_block(block, std::move(x), at.modulation, of(axis::heads), of(axis::channels), tokens, at.parts);
    };
  }

  DiT dit_;
};

}  // namespace

std::unique_ptr<engine::Engine> masked_engine(DiT dit) {
  require_routers(dit->configuration);
  return std::make_unique<Masked>(std::move(dit));
}

}  // namespace dydit::dit
