// SPDX-License-Identifier: Apache-2.0
#include "packing.h"

#include <algorithm>

namespace dydit::engine {

using torch::Tensor;

// The numbers of the units that are on.
static Tensor numbers_of(const Units& units, torch::Device device) {
  std::vector<std::int64_t> on;
  for (std::size_t i = 0; i < units.size(); ++i)
    if (units[i]) on.push_back(static_cast<std::int64_t>(i));
  return torch::tensor(on, torch::kInt64).to(device);
}

Part Packing::pack(const Key& key) const {
  const auto& c = dit_->configuration;
  const model::BlockImpl& block = dit_->block(key.layer);
  const auto h = c.num_heads, d = c.hidden_size;
  const model::LinearImpl& in = key.is_mlp ? *block.mlp->fc1 : *block.attn->qkv;
  const model::LinearImpl& out = key.is_mlp ? *block.mlp->fc2 : *block.attn->proj;
  // Rows of the first product and columns of the second: (blocks of rows, H, size of a unit, D), (D, H, size).
  const std::int64_t blocks = key.is_mlp ? 1 : 3, size = key.is_mlp ? c.group_size() : c.head_size();
  Tensor in_weight = in.weight.view({blocks, h, size, d}), in_bias = in.bias.view({blocks, h, size}),
         out_weight = out.weight.view({d, h, size});
  const auto units = std::ranges::count(key.units, true);
  const std::int64_t rows = c.tokens();  // always the same, so that a part's layout, and its rounding, is
  if (units < h) {
    const Tensor on = numbers_of(key.units, in_weight.device());
    in_weight = in_weight.index_select(1, on);
    in_bias = in_bias.index_select(1, on);
    out_weight = out_weight.index_select(1, on);
  }
  return {.in = {in_weight.reshape({-1, d}), in_bias.reshape(-1), rows},
          .out = {out_weight.reshape({d, -1}), out.bias, rows},
          .units = units};
}

std::shared_ptr<const Part> Packing::get(const Key& key) {
  if (const auto found = kept_.find(key); found != kept_.end()) {
    order_.splice(order_.begin(), order_, found->second.used);
    return found->second.part;
  }
  auto part = std::make_shared<const Part>(pack(key));
  if (part->bytes() > budget_) return part;
  for (; bytes_ + part->bytes() > budget_; order_.pop_back()) {
    const auto oldest = kept_.find(order_.back());
    bytes_ -= oldest->second.part->bytes();
    kept_.erase(oldest);
  }
  order_.push_front(key);
  kept_[key] = {part, order_.begin()};
  bytes_ += part->bytes();
  return part;
}

std::shared_ptr<const Part> Packing::attention(std::size_t layer, const Units& heads) {
  return get({.layer = layer, .is_mlp = false, .units = heads});
}

std::shared_ptr<const Part> Packing::mlp(std::size_t layer, const Units& groups) {
  return get({.layer = layer, .is_mlp = true, .units = groups});
}

}  // namespace dydit::engine
