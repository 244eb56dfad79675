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
  const auto widths = [&](const Tensor& given, const Tensor& noise,
                          model::WidthRouter model::BlockImpl::*router) {
    if (given.defined()) return given.to(torch::kFloat32);
    std::vector<Tensor> on;
    for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer)
      on.push_back(with_first_unit(straight_through((dit->block(layer).*router)(time), layer_of(noise, layer),
                                                    relaxation.temperature)));
    return stacked(on);
  };
  Relaxed relaxed;
  relaxed.masks.heads = widths(imposed.heads, relaxation.noise.heads, &model::BlockImpl::attn_rate);
  relaxed.masks.channels = widths(imposed.channels, relaxation.noise.channels, &model::BlockImpl::mlp_rate);
  std::vector<Tensor> on;
  const auto tokens = [&](std::size_t layer, const Tensor& residual) {
    on.push_back(imposed.tokens.defined()
                     ? layer_of(imposed.tokens, layer).to(torch::kFloat32)
                     : straight_through(dit->block(layer).token_selection(residual),
                                        layer_of(relaxation.noise.tokens, layer), relaxation.temperature));
    return on.back();
  };
  relaxed.output = masked_pass(dit, x, time, y, relaxed.masks.heads, relaxed.masks.channels, tokens);
  relaxed.masks.tokens = stacked(on);
  return relaxed;
}

}  // namespace dydit::engine
