// SPDX-License-Identifier: Apache-2.0
#include "dit/importance.h"

#include "base/random.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

// Weights of each unit: rows of the products that make it, and columns of the one that reads it.
struct UnitWeights {
  Tensor rows, bias, columns;  // (blocks,U,size,D), (blocks,U,size), (D,U,size): views of the parameters
};

UnitWeights heads_of(const BlockImpl& block, const Configuration& c) {
  const auto h = c.num_heads, d = c.hidden_size, size = c.head_size();
  return {block.attn->qkv->weight.view({3, h, size, d}), block.attn->qkv->bias.view({3, h, size}),
          block.attn->proj->weight.view({d, h, size})};
}

UnitWeights channels_of(const BlockImpl& block, const Configuration& c) {
  const auto hidden = c.mlp_hidden(), d = c.hidden_size;
  return {block.mlp->fc1->weight.view({1, hidden, 1, d}), block.mlp->fc1->bias.view({1, hidden, 1}),
          block.mlp->fc2->weight.view({d, hidden, 1})};
}

// `score` of each weight and its gradient, summed over a unit.
template <typename Score>
Importance scored(const DiT& dit, const Score& score) {
  torch::NoGradGuard no_grad;
  const Configuration& c = dit->configuration;
  std::vector<Tensor> heads, channels;
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    const BlockImpl& block = dit->block(layer);
    const auto of = [&](const model::Linear& in, const model::Linear& out, std::int64_t blocks, std::int64_t units) {
      const Tensor made = score(in->weight).view({blocks, units, -1}).sum(c10::IntArrayRef{0, 2}),
                   read = score(out->weight).view({c.hidden_size, units, -1}).sum(c10::IntArrayRef{0, 2});
      return (made + read).to(torch::kCPU, torch::kFloat32);
    };
    heads.push_back(of(block.attn->qkv, block.attn->proj, 3, c.num_heads));
    channels.push_back(of(block.mlp->fc1, block.mlp->fc2, 1, c.mlp_hidden()));
  }
  return {torch::stack(heads), torch::stack(channels)};
}

void permute(const UnitWeights& units, const Tensor& importance) {  // (U)
  const Tensor order =
      importance.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/true).to(units.rows.device());
  units.rows.copy_(units.rows.index_select(1, order));
  units.bias.copy_(units.bias.index_select(1, order));
  units.columns.copy_(units.columns.index_select(1, order));
}

}  // namespace

Importance random_importance(const Configuration& c, std::uint64_t seed) {
  const auto drawn = [&](std::int64_t units, std::uint64_t draw) {
    Tensor values = torch::empty({c.depth, units}, torch::kFloat32);
    Random(seed, Purpose::importance, 0, draw)
        .fill_uniform({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())}, 0, 1);
    return values;
  };
  return {drawn(c.num_heads, 0), drawn(c.mlp_hidden(), 1)};
}

Importance magnitude_importance(const DiT& dit) {
  return scored(dit, [](const Tensor& weight) { return weight.square(); });
}

Importance taylor_importance(const DiT& dit) {
  return scored(dit, [](const Tensor& weight) { return (weight * weight.grad()).square(); });
}

void order_units(DiT& dit, const Importance& importance) {
  torch::NoGradGuard no_grad;
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    const auto at = static_cast<std::int64_t>(layer);
    permute(heads_of(dit->block(layer), dit->configuration), importance.heads[at]);
    permute(channels_of(dit->block(layer), dit->configuration), importance.channels[at]);
  }
}

}  // namespace dydit::dit
