// SPDX-License-Identifier: Apache-2.0
#include "dit/relaxed.h"

#include "masked_pass.h"
#include "routing.h"

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
  std::vector<Tensor> values, on;
  const auto tokens = [&](std::size_t layer, const Tensor& residual) {
    const Tensor& of_tokens = imposed[axis::tokens];
    const Tensor mask = tokens_of(dit->block(layer), layer, residual, of_tokens, Overruled::skipped, values, draw);
    return on.emplace_back(mask.to(torch::kFloat32));
  };
  for (const std::size_t axis : {axis::heads, axis::channels}) masks[axis] = masks[axis].to(torch::kFloat32);
  Relaxed relaxed{
      .output = masked_pass(dit, in.x, dit->condition(time, in.y), masks[axis::heads], masks[axis::channels], tokens),
      .masks = masks};
  relaxed.masks[axis::tokens] = stacked(on);
  logits[axis::tokens] = stacked(values);
  require_finite(logits);
  return relaxed;
}

}  // namespace dydit::dit
