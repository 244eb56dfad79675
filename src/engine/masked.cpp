// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"
#include "model/fused.h"
#include "routing.h"

namespace dydit::engine {

using torch::Tensor;

namespace {

// (N,T,D) whose D are H equal parts, each multiplied by its unit's mask (N,H).
Tensor times_units(const Tensor& x, const Tensor& mask) {
  return (x.unflatten(2, {mask.size(1), -1}) * mask.unsqueeze(1).unsqueeze(3).to(x.scalar_type())).flatten(2);
}

class Masked final : public Engine {
 public:
  explicit Masked(model::DiT dit) : dit_(std::move(dit)) {}

  Outcome forward(const Tensor& x, const Tensor& t, const Tensor& y, const Masks& imposed,
                  Overruled routers) override {
    require_fit(imposed, dit_->configuration, x.size(0));
    Tensor tokens = dit_->embed(x);
    const Tensor time = dit_->t_embedder(t);
    const Tensor silu_c = torch::silu(time + dit_->y_embedder(y));
    Widths widths = widths_of(dit_, time, imposed, routers);
    std::vector<Tensor> on, logits;
    for (std::size_t layer = 0; layer < dit_->blocks->size(); ++layer) {
      model::BlockImpl& block = dit_->block(layer);
      const auto m = block.modulation(silu_c);
      const Tensor qkv = block.attn->qkv(model::modulated_norm(tokens, m.shift1, m.scale1));
      const Tensor attended = model::AttentionImpl::attend(qkv, dit_->configuration.num_heads);
      const Tensor heads = times_units(attended, layer_of(widths.masks.heads, layer));
      auto [residual, normed] =
          model::gated_residual_norm(std::move(tokens), block.attn->proj(heads), m.gate1, m.shift2, m.scale2);
      const Tensor mask = tokens_of(block, residual, layer_of(imposed.tokens, layer), routers, logits);
      on.push_back(mask);
      // GELU(0) = 0: a channel that is off before it is off behind it.
      const Tensor hidden = times_units(block.mlp->fc1(normed), layer_of(widths.masks.channels, layer));
      const Tensor out = block.mlp->fc2(torch::gelu(hidden, "tanh"));
      tokens = model::gated_residual(std::move(residual), out * mask.unsqueeze(2).to(out.scalar_type()), m.gate2);
    }
    widths.masks.tokens = stacked(on);
    widths.logits.tokens = stacked(logits);
    return {dit_->unpatchify(dit_->final_layer(tokens, silu_c)), widths.masks, widths.logits};
  }

  // All weights are used at every timestep.
  void plan(const Tensor&) override {}
  void plan(const Masks&) override {}
  std::size_t packed_bytes() const override { return 0; }

 private:
  model::DiT dit_;
};

}  // namespace

std::unique_ptr<Engine> masked_engine(model::DiT dit) {
  require_routers(dit->configuration);
  return std::make_unique<Masked>(std::move(dit));
}

}  // namespace dydit::engine
