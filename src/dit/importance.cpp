// SPDX-License-Identifier: Apache-2.0
#include "dit/importance.h"

#include "base/random.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

// The heads or hidden channels of a layer, so many units: `blocks` runs of rows in the first product make one, and a
// run of columns in the second reads it.
struct Sublayer {
  const model::Linear &in, &out;
  std::int64_t blocks, units;

  Tensor rows(const Tensor& weight_or_bias) const { return weight_or_bias.view({blocks, units, -1}); }
  Tensor columns(const Tensor& weight) const { return weight.view({weight.size(0), units, -1}); }
};

Sublayer heads_of(const BlockImpl& block, const Configuration& c) {
  return {block.attn->qkv, block.attn->proj, 3, c.num_heads};
}
Sublayer channels_of(const BlockImpl& block, const Configuration& c) {
  return {block.mlp->fc1, block.mlp->fc2, 1, c.mlp_hidden()};
}

// `score` of each weight and its gradient, summed over a unit.
template <typename Score>
Importance scored(const DiT& dit, const Score& score) {
  torch::NoGradGuard no_grad;
  std::vector<Tensor> heads, channels;
  const auto of = [&](const Sublayer& units) {
    const Tensor made = units.rows(score(units.in->weight)).sum(c10::IntArrayRef{0, 2}),
                 read = units.columns(score(units.out->weight)).sum(c10::IntArrayRef{0, 2});
    return (made + read).to(torch::kCPU, torch::kFloat32);
  };
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    heads.push_back(of(heads_of(dit->block(layer), dit->configuration)));
    channels.push_back(of(channels_of(dit->block(layer), dit->configuration)));
  }
  return {torch::stack(heads), torch::stack(channels)};
}

void permute(const Sublayer& units, const Tensor& importance) {  // (U)
  const Tensor order =
      importance.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/true).to(units.in->weight.device());
  for (const Tensor& of_units :
       {units.rows(units.in->weight), units.rows(units.in->bias), units.columns(units.out->weight)})
    of_units.copy_(of_units.index_select(1, order));
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
