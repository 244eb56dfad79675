// SPDX-License-Identifier: Apache-2.0
#include "dit/packing.h"

#include <algorithm>

#include "base/range.h"
#include "model/shares.h"

namespace dydit::dit {

using torch::Tensor;

std::vector<Units> units_of(const Tensor& mask) {
  std::vector<Units> layers;
  const auto on = mask.accessor<bool, 2>();
  for (std::int64_t layer = 0; layer < mask.size(0); ++layer) {
    layers.emplace_back();
    for (std::int64_t unit = 0; unit < mask.size(1); ++unit) layers.back().push_back(on[layer][unit]);
  }
  return layers;
}

namespace {

// Chooses what belongs to the units that are on, of dimension 1; a view where they come first.
class Selection {
 public:
  Selection(const Units& units, torch::Device device) {
    std::vector<std::int64_t> on;
    for (std::size_t i = 0; i < units.size(); ++i)
      if (units[i]) on.push_back(static_cast<std::int64_t>(i));
    count_ = static_cast<std::int64_t>(on.size());
    // A GPU's copy of so few numbers has read them when it returns.
    if (on.back() + 1 != count_) index_ = torch::tensor(on, torch::kInt64).to(device, /*non_blocking=*/true);
  }
  Tensor of(const Tensor& weight) const {
    return index_.defined() ? weight.index_select(1, index_) : weight.narrow(1, 0, count_);
  }

 private:
  std::int64_t count_ = 0;
  Tensor index_;
};

}  // namespace

std::shared_ptr<const PackedSublayer> Packing::pack(const Key& key) const {
  const Range range("pack");
  const auto& c = dit_->configuration;
  const BlockImpl& block = dit_->block(key.layer);
  const auto h = c.num_heads, d = c.hidden_size;
  const model::LinearImpl& in = key.is_mlp ? *block.mlp->fc1 : *block.attn->qkv;
  const model::LinearImpl& out = key.is_mlp ? *block.mlp->fc2 : *block.attn->proj;
  // Rows of the first product and columns of the second: (blocks of rows, H, size of a unit, D), (D, H, size).
  const std::int64_t blocks = key.is_mlp ? 1 : 3, size = key.is_mlp ? c.group_size() : c.head_size();
  const Selection on(key.units, in.weight.device());
  const Tensor in_weight = on.of(in.weight.view({blocks, h, size, d})),
               in_bias = on.of(in.bias.view({blocks, h, size})), out_weight = on.of(out.weight.view({d, h, size}));
  const std::int64_t rows = c.tokens();  // always the same, so that a packed product's layout, and its rounding, is
  return std::make_shared<const PackedSublayer>(
      PackedSublayer{.in = {in_weight.reshape({-1, d}), in_bias.reshape(-1), rows},
                     .out = {out_weight.reshape({d, -1}), out.bias, rows},
                     .units = std::ranges::count(key.units, true)});
}

std::shared_ptr<const PackedSublayer> Packing::get(const Key& key) {
  const std::lock_guard lock(in_use_);
  if (const auto found = kept_.find(key); found != kept_.end()) {
    order_.splice(order_.begin(), order_, found->second.used);
    return found->second.packed;
  }
  auto packed = pack(key);
  if (make_room(packed->bytes())) keep(key, packed);
  return packed;
}

std::size_t Packing::bytes_of(const Key& key) const {
  const auto& c = dit_->configuration;
  const auto on = std::ranges::count(key.units, true);
  // Rows of the first product with their bias, and columns of the second.
  const std::int64_t width = on * (key.is_mlp ? c.group_size() : c.head_size()), blocks = key.is_mlp ? 1 : 3;
  return static_cast<std::size_t>((blocks + 1) * width * c.hidden_size) * dit_->pos_embed.element_size();
}

bool Packing::make_room(std::size_t bytes) {
  if (bytes > budget_) return false;
  for (auto oldest = order_.end(); bytes_ + bytes > budget_;) {
    do {
      if (oldest == order_.begin()) return false;
      --oldest;
    } while (needed_.contains(*oldest));
    const auto found = kept_.find(*oldest);
    bytes_ -= found->second.bytes;
    kept_.erase(found);
    ++drops_;
    oldest = order_.erase(oldest);
  }
  return true;
}

void Packing::keep(const Key& key, std::shared_ptr<const PackedSublayer> packed) {
  const std::size_t bytes = packed->bytes();
  bytes_ += bytes;
  order_.push_front(key);
  kept_[key] = {std::move(packed), bytes, order_.begin()};
}

void Packing::prepare(const std::vector<WidthPlan>& plans) {
  std::vector<Key> missing;
  needed_.clear();
  const auto want = [&](Key key) {
    if (none(key.units)) return;
    if (needed_.insert(key).second && !kept_.contains(key)) missing.push_back(std::move(key));
  };
  for (const WidthPlan& plan : plans) {
    for (std::size_t layer = 0; layer < plan.heads.size(); ++layer)
      want({.layer = layer, .is_mlp = false, .units = plan.heads[layer]});
    for (std::size_t layer = 0; layer < plan.channels.size(); ++layer)
      want({.layer = layer, .is_mlp = true, .units = plan.channels[layer]});
  }
  // To ask oneDNN for its layout takes longer than the copy, and one thread.
  for (std::size_t begin = 0; begin < missing.size();) {
    std::size_t count = 0, bytes = 0;
    for (; count < missing.size() - begin; ++count) {
      const std::size_t more = bytes_of(missing[begin + count]);
      if (!make_room(bytes + more)) break;
      bytes += more;
    }
    if (count == 0) return;
    std::vector<std::shared_ptr<const PackedSublayer>> packed(count);
    model::for_each_apart(count, dit_->pos_embed.device(),
                          [&](std::size_t i) { packed[i] = pack(missing[begin + i]); });
    for (std::size_t i = 0; i < count; ++i)
      if (make_room(packed[i]->bytes())) keep(missing[begin + i], std::move(packed[i]));
    begin += count;
  }
}

bool Packing::keeps(const WidthPlan& plan) const {
  const auto all = [&](const std::vector<Units>& of_layers, bool is_mlp) {
    for (std::size_t layer = 0; layer < of_layers.size(); ++layer)
      if (!none(of_layers[layer]) && !kept_.contains({.layer = layer, .is_mlp = is_mlp, .units = of_layers[layer]}))
        return false;
    return true;
  };
  return all(plan.heads, false) && all(plan.channels, true);
}

std::shared_ptr<const PackedSublayer> Packing::attention(std::size_t layer, const Units& heads) {
  return get({.layer = layer, .is_mlp = false, .units = heads});
}

std::shared_ptr<const PackedSublayer> Packing::mlp(std::size_t layer, const Units& groups) {
  return get({.layer = layer, .is_mlp = true, .units = groups});
}

}  // namespace dydit::dit
