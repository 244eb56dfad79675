// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include <algorithm>

#include "instrument/interleaved.h"
#include "model/attention.h"
#include "model/fused.h"
#include "model/shares.h"
#include "routing.h"

namespace dydit::dit {

using torch::Tensor;

Activations::Activations(const DiT& dit, std::int64_t n) {
  const auto& c = dit->configuration;
  const auto options = dit->pos_embed.options();
  const std::int64_t tokens_of_image = c.tokens(), d = c.hidden_size;
  std::uint64_t which = 2;  // after the ceilings'
  const auto numbers = [&](at::IntArrayRef sizes) { return instrument::operand(sizes, which++, options); };
  x = numbers({n, c.in_channels, c.input_size, c.input_size});
  tokens = numbers({n, tokens_of_image, d});
  vector = numbers({n, d});
  conditioning = {.blocks = {static_cast<std::size_t>(c.depth), numbers({n, 6 * d})},
                  .final_layer = numbers({n, 2 * d})};
  closed = torch::zeros_like(vector);
  qkv = numbers({n * tokens_of_image * 3 * d});
  attended = numbers({n * tokens_of_image * d});
  const Tensor all = torch::ones({n, tokens_of_image}, torch::kBool);
  compact = numbers({routed_of(all).height * d});  // with rows that are padding
}

// The first of the numbers, in these sizes.
static Tensor some(const Tensor& numbers, std::initializer_list<std::int64_t> sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return numbers.narrow(0, 0, count).view(sizes);
}

Parts::Parts(DiT dit, std::shared_ptr<Packing> packing, Activations activations,
             const std::vector<engine::Masks>& draws, Of of)
    : dit_(std::move(dit)), packing_(std::move(packing)), of_layers_(std::move(activations)), of_(of) {
  const auto& c = dit_->configuration;
  const auto heads = units_of(draws.front()[axis::heads][0].cpu()),
             groups = units_of(draws.front()[axis::channels][0].cpu());
  for (std::size_t layer = 0; layer < heads.size(); ++layer) {
    layers_.push_back({heads[layer], groups[layer], std::ranges::count(heads[layer], true) * c.head_size(), {}});
    for (const engine::Masks& masks : draws) {
      const Tensor mask = masks[axis::tokens].select(1, static_cast<std::int64_t>(layer)).to(dit_->pos_embed.device());
      const Routed routed = routed_of(mask);
      layers_.back().draws.push_back({mask, routed.rows.numel(), routed.height});
    }
  }
}

const Parts::Rows& Parts::rows_of(const Layer& layer, Pass pass) const {
  return layer.draws[static_cast<std::size_t>(pass) % layer.draws.size()];
}

bool Parts::all_rows(const Layer& layer, Pass pass) const { return none(layer.groups) || rows_of(layer, pass).all(); }

void Parts::attention(Pass) {
  const auto& c = dit_->configuration;
  for (const Layer& layer : layers_)
    if (layer.width > 0)
      model::attention(some(of_layers_.qkv, {of_layers_.tokens.size(0), c.tokens(), 3 * layer.width}),
                       layer.width / c.head_size());
}

Tensor Parts::attended_of(const Layer& layer) const {
  return some(of_layers_.attended, {of_layers_.tokens.size(0), dit_->configuration.tokens(), layer.width});
}

void Parts::products(Pass pass) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Rows& routed = rows_of(layer, pass);
    if (of_ == Of::dense_model) {
      BlockImpl& block = dit_->block(i);
      block.attn->qkv(of_layers_.tokens);
      block.attn->proj(attended_of(layer));
      block.mlp(of_layers_.tokens);
      continue;
    }
    if (layer.width > 0) {
      const auto attention = packing_->attention(i, layer.heads);
      attention->in.forward(of_layers_.tokens);
      attention->out.forward(attended_of(layer));
    }
    if (none(layer.groups) || routed.rows == 0) continue;
    const auto mlp = packing_->mlp(i, layer.groups);
    const Tensor rows =
        routed.all() ? of_layers_.tokens : some(of_layers_.compact, {routed.height, dit_->configuration.hidden_size});
    mlp->out.forward(mlp->in.gelu(rows));
  }
}

void Parts::routed(Pass pass) {
  Tensor& tokens = of_layers_.tokens;
  const Tensor &vector = of_layers_.vector, &closed = of_layers_.closed;
  for (const Layer& layer : layers_) {
    if (none(layer.groups)) continue;
    const Routed routed = routed_of(rows_of(layer, pass).mask);
    if (routed.rows.numel() == 0 || rows_of(layer, pass).all()) continue;
    const Tensor normed = model::modulated_norm_rows(tokens, routed.rows, vector, vector, routed.height);
    model::add_gated_rows(tokens, routed.rows, normed, closed);
  }
}

void Parts::together(Pass pass) {
  for (const Layer& layer : layers_)
    if (!all_rows(layer, pass)) residual_and_norm(rows_of(layer, pass));
}

// Of the routed tokens as if they were an image.
void Parts::residual_and_norm(const Rows& routed) {
  if (routed.rows == 0) return;
  Tensor compact = some(of_layers_.compact, {1, routed.rows, dit_->configuration.hidden_size});
  const Tensor vector = of_layers_.vector.narrow(0, 0, 1);
  model::add_gated(compact, model::modulated_norm(compact, vector, vector), of_layers_.closed.narrow(0, 0, 1));
}

void Parts::fixed(Pass pass) {
  Tensor tokens = dit_->embed(of_layers_.x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const bool all = all_rows(layer, pass);
    const auto m = of_layers_.conditioning.of_block(i);
    Tensor normed = layer.width == 0 ? tokens : model::modulated_norm(tokens, m.shift1, m.scale1);
    if (of_ == Of::dense_model) {
      std::tie(tokens, normed) = model::gated_residual_norm(std::move(tokens), normed, m.gate1, m.shift2, m.scale2);
    } else {
      tokens = model::gated_residual(std::move(tokens), normed, m.gate1);
      if (all && !none(layer.groups)) normed = model::modulated_norm(tokens, m.shift2, m.scale2);
    }
    if (all)
      tokens = model::gated_residual(std::move(tokens), normed, m.gate2);
    else
      residual_and_norm(rows_of(layer, pass));
  }
  dit_->unpatchify(dit_->final_layer(tokens, of_layers_.conditioning.final_layer));
}

std::vector<engine::PartRun> parts_of(const DiT& dit, const std::shared_ptr<Packing>& packing,
                                      const std::shared_ptr<Memory>& memory, const engine::Passes& passes,
                                      Parts::Of of) {
  const torch::Device device = dit->pos_embed.device();
  const auto shares = model::shares_of(passes.inputs.front().x.size(0), device);
  if (memory->empty())
    for (const model::Share& share : shares) memory->emplace_back(dit, share.count);
  // Passes in turn differ in their tokens alone, and are the draws of one Parts.
  std::vector<std::vector<engine::Masks>> runs;
  if (passes.in_turn)
    runs = {passes.masks};
  else
    for (const engine::Masks& masks : passes.masks) runs.push_back({masks});
  std::vector<std::vector<std::shared_ptr<Parts>>> parts;  // of each share
  for (const model::Share& share : shares) {
    parts.emplace_back();
    for (const auto& draws : runs) {
      std::vector<engine::Masks> some;
      for (const engine::Masks& masks : draws) some.push_back(engine::narrow(masks, share.first, share.count));
      parts.back().push_back(std::make_shared<Parts>(dit, packing, memory->at(share.number), some, of));
    }
  }
  const auto shared = [=](void (Parts::*part)(Parts::Pass), std::int64_t run) {
    model::in_shares(shares, [&](const model::Share& share) {
      for (const auto& each : parts[share.number]) ((*each).*part)(run);
    });
  };
  const auto condition = [impl = dit.ptr(), inputs = passes.inputs, in_turn = passes.in_turn](std::int64_t run) {
    const auto one = [&](const model::Inputs& in) { impl->condition(impl->t_embedder(in.t), in.y); };
    if (in_turn) return one(inputs[static_cast<std::size_t>(run) % inputs.size()]);
    for (const model::Inputs& in : inputs) one(in);
  };
  const std::pair<const char*, void (Parts::*)(Parts::Pass)> named[] = {{"fixed", &Parts::fixed},
                                                                        {"attention", &Parts::attention},
                                                                        {"products", &Parts::products},
                                                                        {"routed", &Parts::routed},
                                                                        {"together", &Parts::together}};
  std::vector<engine::PartRun> all;
  for (const auto& [name, part] : named)
    all.push_back({name, [=, part = part](std::int64_t run) {
                     const model::OnlyShares only(device);
                     if (part == &Parts::fixed) condition(run);
                     shared(part, run);
                   }});
  return all;
}

}  // namespace dydit::dit
