// SPDX-License-Identifier: Apache-2.0
#include "engine/relaxed.h"

#include "masked_pass.h"
#include "routing.h"

namespace dydit::engine {

using torch::Tensor;

static Tensor straight_through(const Tensor& logits, const Tensor& noise, double temperature) {
  const Tensor noisy = noise.defined() ? logits.to(torch::kFloat32) + noise : logits.to(torch::kFloat32);
  const Tensor soft = torch::sigmoid(noisy / temperature);
  return (soft > 0.5).to(torch::kFloat32) + (soft - soft.detach());
}

Relaxed relaxed_forward(model::DiT dit, const Tensor& x, const Tensor& t, const Tensor& y,
                        const Relaxation& relaxation, const Masks& imposed) {
  require_routers(dit->configuration);
  require_fit(imposed, dit->configuration, x.size(0));
  const Tensor time = dit->t_embedder(t);
  Masks logits;
  const auto widths = [&](Tensor Masks::*of, model::WidthRouter model::BlockImpl::*router) {
    if ((imposed.*of).defined()) return (imposed.*of).to(torch::kFloat32);
    std::vector<Tensor> values, on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
      const Tensor value = (dit->block(layer).*router)(time), noise = layer_of(relaxation.noise.*of, layer);
      values.push_back(value.detach());
      on.push_back(all_units(straight_through(value, noise, relaxation.temperature), dit->configuration));
    }
    logits.*of = stacked(values);
    return stacked(on);
  };
  Relaxed relaxed;
  relaxed.masks.heads = widths(&Masks::heads, &model::BlockImpl::attn_rate);
  relaxed.masks.channels = widths(&Masks::channels, &model::BlockImpl::mlp_rate);
  std::vector<Tensor> values, on;
  const auto tokens = [&](std::size_t layer, const Tensor& residual) {
    if (imposed.tokens.defined()) return on.emplace_back(layer_of(imposed.tokens, layer).to(torch::kFloat32));
    const Tensor value = dit->block(layer).token_selection(residual),
                 noise = layer_of(relaxation.noise.tokens, layer);
    values.push_back(value.detach());
    return on.emplace_back(straight_through(value, noise, relaxation.temperature));
  };
  relaxed.output = masked_pass(dit, x, dit->condition(time, y), relaxed.masks.heads, relaxed.masks.channels, tokens);
  relaxed.masks.tokens = stacked(on);
  logits.tokens = stacked(values);
  require_finite(logits);
  return relaxed;
}

}  // namespace dydit::engine
