// SPDX-License-Identifier: Apache-2.0
#include "dit/engines.h"
#include "masked_pass.h"
#include "model/attention.h"
#include "model/fused.h"
#include "routing.h"

namespace dydit::dit {

using torch::Tensor;

// (N,T,D) whose D are H equal parts, each multiplied by its unit's mask (N,H).
static Tensor times_units(const Tensor& x, const Tensor& mask) {
  return (x.unflatten(2, {mask.size(1), -1}) * mask.unsqueeze(1).unsqueeze(3).to(x.scalar_type())).flatten(2);
}

Tensor masked_pass(DiT dit, const Tensor& x, const Conditioning& conditioning, const Tensor& heads,
                   const Tensor& channels, const TokenMask& tokens_of_block) {
  Tensor tokens = dit->embed(x);
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    BlockImpl& block = dit->block(layer);
    const auto m = conditioning.of_block(layer);
    const Tensor qkv = block.attn->qkv(model::modulated_norm(tokens, m.shift1, m.scale1));
    const Tensor attended = times_units(model::attention(qkv, dit->configuration.num_heads), layer_of(heads, layer));
    auto [residual, normed] =
        model::gated_residual_norm(std::move(tokens), block.attn->proj(attended), m.gate1, m.shift2, m.scale2);
    const Tensor mask = tokens_of_block(layer, residual);
    // GELU(0) = 0: a channel that is off before it is off behind it.
    const Tensor hidden = times_units(block.mlp->fc1(normed), layer_of(channels, layer));
    const Tensor out = block.mlp->fc2(torch::gelu(hidden, "tanh"));
    tokens = model::gated_residual(std::move(residual), out * mask.unsqueeze(2).to(out.scalar_type()), m.gate2);
  }
  return dit->unpatchify(dit->final_layer(tokens, conditioning.final_layer));
}

namespace {

class Masked final : public engine::Engine {
 public:
  explicit Masked(DiT dit) : dit_(std::move(dit)) {}

  Outcome forward(const model::Inputs& in, const Masks& given, Overruled routers) override {
    const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
    const model::OnlyShares only(in.x.device());
    const Tensor time = dit_->t_embedder(in.t);
    Widths widths = widths_of(dit_, time, imposed, routers);
    const Conditioning conditioning = dit_->condition(time, in.y);
    const PartialOutcome whole = in_shares(in.x.size(0), in.x.device(), [&](const model::Share& share) {
      std::vector<Tensor> on, logits;
      const Tensor imposed_tokens = share.of(imposed[axis::tokens]);
      const auto tokens = [&](std::size_t layer, const Tensor& residual) {
        return on.emplace_back(tokens_of(dit_->block(layer), layer, residual, imposed_tokens, routers, logits));
      };
      const Tensor output =
          masked_pass(dit_, share.of(in.x), conditioning.of(share), share.of(widths.masks[axis::heads]),
                      share.of(widths.masks[axis::channels]), tokens);
      return PartialOutcome{output, stacked(on), stacked(logits)};
    });
    widths.masks[axis::tokens] = whole.tokens;
    widths.logits[axis::tokens] = whole.token_logits;
    const Outcome outcome{whole.output, widths.masks, widths.logits};
    if (checks_finite) require_finite(outcome);
    return outcome;
  }

  double weight_bytes(const model::Activity&) const override { return engine::bytes_of(*dit_); }

 private:
  DiT dit_;
};

}  // namespace

std::unique_ptr<engine::Engine> masked_engine(DiT dit) {
  require_routers(dit->configuration);
  return std::make_unique<Masked>(std::move(dit));
}

}  // namespace dydit::dit
