// SPDX-License-Identifier: Apache-2.0
#include "dit/routers.h"

namespace dydit::dit {

namespace {

std::vector<model::LinearImpl*> last_layers(BlockImpl& block, model::Scope scope) {
  if (scope == model::Scope::timestep) return {block.attn_rate->router.get(), block.mlp_rate->router.get()};
  return {block.token_selection->mlp_head[2]->as<model::Linear>()};
}

void for_last_layers(DiT& dit, model::Scope scope, const std::function<void(model::LinearImpl&)>& work) {
  torch::NoGradGuard no_grad;
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer)
    for (model::LinearImpl* last : last_layers(dit->block(layer), scope)) work(*last);
}

}  // namespace

void freeze_routers(DiT& dit, model::Scope scope) {
  const auto freeze = [](torch::nn::Module& module) {
    for (torch::Tensor& parameter : module.parameters()) parameter.requires_grad_(false);
  };
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    BlockImpl& block = dit->block(layer);
    if (scope == model::Scope::timestep)
      freeze(*block.attn_rate), freeze(*block.mlp_rate);
    else
      freeze(*block.token_selection);
  }
}

void open_routers(DiT& dit, model::Scope scope, double bias) {
  for_last_layers(dit, scope, [&](model::LinearImpl& last) {
    last.weight.zero_();
    last.bias.fill_(bias);
  });
}

void bias_routers(DiT& dit, model::Scope scope, double bias) {
  for_last_layers(dit, scope, [&](model::LinearImpl& last) { last.bias.fill_(bias); });
}

void close_routers(DiT& dit, const std::vector<std::vector<std::int64_t>>& counts, double bias) {
  torch::NoGradGuard no_grad;
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    const auto routers = last_layers(dit->block(layer), model::Scope::timestep);
    for (std::size_t axis = 0; axis < routers.size(); ++axis) {
      const std::int64_t off = dit->configuration.num_heads - counts[axis][layer];
      torch::Tensor& biases = routers[axis]->bias;
      biases.narrow(0, biases.size(0) - off, off).fill_(-bias);
    }
  }
}

}  // namespace dydit::dit
