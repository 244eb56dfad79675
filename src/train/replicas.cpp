// SPDX-License-Identifier: Apache-2.0
#include "replicas.h"

namespace dydit::train {

using torch::Tensor;

// The weights are the given model's; what autograd keeps of them is not.
static dit::DiT replica_of(const dit::DiT& dit) {
  torch::NoGradGuard no_grad;
  dit::DiT replica(dit->configuration);
  const auto parameters = dit->named_parameters();
  for (auto& item : replica->named_parameters()) {
    const Tensor& parameter = parameters[item.key()];
    item.value().set_data(parameter);
    item.value().requires_grad_(parameter.requires_grad());
  }
  replica->train(dit->is_training());
  return replica;
}

Replicas::Replicas(const dit::DiT& dit, std::int64_t images, torch::Device device)
    : shares_(model::shares_of(images, device)), dits_{dit} {
  while (dits_.size() < shares_.size()) dits_.push_back(replica_of(dit));
}

void Replicas::in_shares(const Inputs& in, const std::function<void(std::size_t, dit::DiT&, const Inputs&)>& work) {
  model::in_shares(shares_, [&](const model::Share& share) {
    const auto some = [&](const auto& all) {
      return std::vector(all.begin() + share.first, all.begin() + share.first + share.count);
    };
    work(share.number, dits_[share.number],
         {.x = share.of(in.x),
          .y = share.of(in.y),
          .t = share.of(in.t),
          .noise = share.of(in.noise),
          .x_t = share.of(in.x_t),
          .images = some(in.images),
          .draws = some(in.draws)});
  });
}

void Replicas::sum_gradients() {
  torch::NoGradGuard no_grad;
  if (dits_.size() == 1) return;
  std::vector<std::vector<Tensor>> parameters;
  for (const dit::DiT& dit : dits_) parameters.push_back(dit->parameters());
  model::for_each_apart(parameters.front().size(), parameters.front().front().device(), [&](std::size_t p) {
    for (std::size_t i = 1; i < parameters.size(); ++i) {
      if (!parameters[i][p].grad().defined()) continue;
      parameters.front()[p].mutable_grad().add_(parameters[i][p].grad());
      parameters[i][p].mutable_grad().reset();
    }
  });
}

}  // namespace dydit::train
