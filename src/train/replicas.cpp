// SPDX-License-Identifier: Apache-2.0
#include "replicas.h"

namespace dydit::train {

using torch::Tensor;

// The weights are the given model's; what autograd keeps of them is not.
static model::DiT replica_of(const model::DiT& dit) {
  torch::NoGradGuard no_grad;
  model::DiT replica(dit->configuration);
  const auto parameters = dit->named_parameters();
  for (auto& item : replica->named_parameters()) {
    const Tensor& parameter = parameters[item.key()];
    item.value().set_data(parameter);
    item.value().requires_grad_(parameter.requires_grad());
  }
  replica->train(dit->is_training());
  return replica;
}

Replicas::Replicas(const model::DiT& dit, std::int64_t images, torch::Device device)
    : shares_(model::shares_of(images, device)), dits_{dit} {
  while (dits_.size() < shares_.size()) dits_.push_back(replica_of(dit));
}

void Replicas::in_shares(const Inputs& in, const std::function<void(std::size_t, model::DiT&, const Inputs&)>& work) {
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
  std::vector<Tensor> sums, parts;
  const auto parameters = dits_.front()->parameters();
  for (std::size_t i = 1; i < dits_.size(); ++i) {
    auto others = dits_[i]->parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      if (!others[p].grad().defined()) continue;
      sums.push_back(parameters[p].grad());
      parts.push_back(others[p].grad());
      others[p].mutable_grad().reset();
    }
  }
  if (!sums.empty()) at::_foreach_add_(sums, parts);
}

}  // namespace dydit::train
