// SPDX-License-Identifier: Apache-2.0
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
    const Tensor attended =
        times_units(model::attention(qkv, dit->configuration.num_heads), layer_of(heads, layer));
    auto [residual, normed] = model::gated_residual_norm(std::move(tokens), block.attn->proj(attended),
                                                         m.gate1, m.shift2, m.scale2);
    const Tensor mask = tokens_of_block(layer, residual);
    // GELU(0) = 0: a channel that is off before it is off behind it.
    const Tensor hidden = times_units(block.mlp->fc1(normed), layer_of(channels, layer));
    const Tensor out = block.mlp->fc2(torch::gelu(hidden, "tanh"));
    tokens =
        model::gated_residual(std::move(residual), out * mask.unsqueeze(2).to(out.scalar_type()), m.gate2);
  }
  return dit->unpatchify(dit->final_layer(tokens, conditioning.final_layer));
}

}  // namespace dydit::dit
