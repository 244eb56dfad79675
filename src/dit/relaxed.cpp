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
  Masks logits(3);
  const auto widths = [&](std::size_t of, WidthRouter BlockImpl::*router) {
    if (imposed[of].defined()) return imposed[of].to(torch::kFloat32);
    std::vector<Tensor> values, on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
      const Tensor value = (dit->block(layer).*router)(time);
      values.push_back(value.detach());
      on.push_back(all_units(straight_through(value, layer_of(noise[of], layer), relaxation.temperature), dit->configuration));
    }
    logits[of] = stacked(values);
    return stacked(on);
  };
  Relaxed relaxed;
  relaxed.masks = {widths(axis::heads, &BlockImpl::attn_rate), widths(axis::channels, &BlockImpl::mlp_rate), Tensor()};
  std::vector<Tensor> values, on;
  const auto tokens = [&](std::size_t layer, const Tensor& residual) {
    const Tensor& of_tokens = imposed[axis::tokens];
    if (of_tokens.defined()) return on.emplace_back(layer_of(of_tokens, layer).to(torch::kFloat32));
    const Tensor value = dit->block(layer).token_selection(residual);
    values.push_back(value.detach());
    return on.emplace_back(straight_through(value, layer_of(noise[axis::tokens], layer), relaxation.temperature));
  };
  relaxed.output = masked_pass(dit, in.x, dit->condition(time, in.y), relaxed.masks[axis::heads],
                               relaxed.masks[axis::channels], tokens);
  relaxed.masks[axis::tokens] = stacked(on);
  logits[axis::tokens] = stacked(values);
  require_finite(logits);
  return relaxed;
}

}  // namespace dydit::dit
