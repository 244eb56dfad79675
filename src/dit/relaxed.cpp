// SPDX-License-Identifier: Apache-2.0
#include "dit/relaxed.h"

#include "blocks.h"
#include "masked_block.h"

namespace dydit::dit {

using torch::Tensor;

static Tensor straight_through(const Tensor& logits, const Tensor& noise, double temperature) {
  const Tensor noisy = noise.defined() ? logits.to(torch::kFloat32) + noise : logits.to(torch::kFloat32);
  const Tensor soft = torch::sigmoid(noisy / temperature);
  return (soft > 0.5).to(torch::kFloat32) + (soft - soft.detach());
}

Relaxed relaxed_forward(DiT dit, const model::Inputs& in, const Relaxation& relaxation, const Masks& given) {
  require_routers(dit->configuration);
  const Masks imposed = engine::require_fit(given, dit->architecture.units, in.x.size(0));
  const Masks noise = relaxation.noise.empty() ? Masks(3) : relaxation.noise;
  const Tensor time = dit->t_embedder(in.t);
  const Decide draw = [&](const Tensor& logits, std::size_t axis, std::size_t layer) {
    return straight_through(logits, layer_of(noise[axis], layer), relaxation.temperature);
  };
  auto [masks, logits] = widths_of(dit, time, imposed, Overruled::skipped, draw);
  for (const std::size_t axis : {axis::heads, axis::channels}) masks[axis] = masks[axis].to(torch::kFloat32);
  TokensOn on;
  const RunBlock run = [&](Tensor x, const BlockAt& at) {
    BlockImpl& block = dit->block(at.layer);
    const auto tokens = [&](const Tensor& residual) {
      const Tensor& given_tokens = imposed[axis::tokens];
      const Tensor mask = tokens_of(block, at.layer, residual, given_tokens, Overruled::skipped, at.on.logits, draw);
      return at.on.masks.emplace_back(mask.to(torch::kFloat32));
    };
    return masked_block(block, std::move(x), at.modulation, layer_of(masks[axis::heads], at.layer),
                        layer_of(masks[axis::channels], at.layer), tokens, {});
  };
  const Conditioning conditioning = dit->condition(time, in.y);
  const model::Share whole{0, 0, in.x.size(0)};
  const Tensor tokens = through(dit->embed(in.x), 0, dit->blocks->size(), conditioning, whole, on, run);
  Relaxed relaxed{.output = dit->unpatchify(dit->final_layer(tokens, conditioning.final_layer)), .masks = masks};
  relaxed.masks[axis::tokens] = stacked(on.masks);
  logits[axis::tokens] = stacked(on.logits);
  require_finite(logits);
  return relaxed;
}

}  // namespace dydit::dit
