// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include <algorithm>

#include "engine/routed.h"
#include "instrument/operands.h"
#include "model/fused.h"

namespace dydit::study {

using torch::Tensor;

Activations::Activations(const model::DiT& dit, std::int64_t n) {
  const auto& c = dit->configuration;
  const auto options = dit->pos_embed.options();
  const std::int64_t tokens_of_image = c.tokens(), d = c.hidden_size;
  std::uint64_t which = 2;  // after the ceilings'
  const auto numbers = [&](at::IntArrayRef sizes) { return instrument::operand(sizes, which++, options); };
  x = numbers({n, c.in_channels, c.input_size, c.input_size});
  tokens = numbers({n, tokens_of_image, d});
  vector = numbers({n, d});
  conditioning = {.blocks = {static_cast<std::size_t>(c.depth), numbers({n, 6 * d})}, .final_layer = numbers({n, 2 * d})};
  closed = torch::zeros_like(vector);
  qkv = numbers({n * tokens_of_image * 3 * d});
  attended = numbers({n * tokens_of_image * d});
  const Tensor all = torch::ones({n, tokens_of_image}, torch::kBool);
  compact = numbers({engine::routed_of(all).height * d});  // with rows that are padding
}

// The first of the numbers, in these sizes.
static Tensor some(const Tensor& numbers, std::initializer_list<std::int64_t> sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return numbers.narrow(0, 0, count).view(sizes);
}

Parts::Parts(model::DiT dit, std::shared_ptr<engine::Packing> packing, Activations activations,
             const std::vector<engine::Masks>& draws, Of of)
    : dit_(std::move(dit)), packing_(std::move(packing)), of_layers_(std::move(activations)), of_(of) {
  const auto& c = dit_->configuration;
  const auto heads = engine::units_of(draws.front().heads[0].cpu()),
             groups = engine::units_of(draws.front().channels[0].cpu());
  for (std::size_t layer = 0; layer < heads.size(); ++layer) {
    layers_.push_back({heads[layer], groups[layer], std::ranges::count(heads[layer], true) * c.head_size(), {}});
    for (const engine::Masks& masks : draws) {
      const Tensor mask = masks.tokens.select(1, static_cast<std::int64_t>(layer)).to(dit_->pos_embed.device());
      const engine::Routed routed = engine::routed_of(mask);
      layers_.back().draws.push_back({mask, routed.rows.numel(), routed.height});
    }
  }
}

const Parts::Routed& Parts::routed_of(const Layer& layer, Pass pass) const {
  return layer.draws[static_cast<std::size_t>(pass) % layer.draws.size()];
}

bool Parts::all_rows(const Layer& layer, Pass pass) const {
  return engine::none(layer.groups) || routed_of(layer, pass).all();
}

void Parts::attention(Pass) {
  const auto& c = dit_->configuration;
  for (const Layer& layer : layers_)
    if (layer.width > 0)
      model::AttentionImpl::attend(some(of_layers_.qkv, {of_layers_.tokens.size(0), c.tokens(), 3 * layer.width}),
                                   layer.width / c.head_size());
}

Tensor Parts::attended_of(const Layer& layer) const {
  return some(of_layers_.attended, {of_layers_.tokens.size(0), dit_->configuration.tokens(), layer.width});
}

void Parts::dense_products() {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    model::BlockImpl& block = dit_->block(i);
    block.attn->qkv(of_layers_.tokens);
    block.attn->proj(attended_of(layers_[i]));
    block.mlp(of_layers_.tokens);
  }
}

void Parts::products(Pass pass) {
  if (of_ == Of::dense_model) return dense_products();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const Routed& routed = routed_of(layer, pass);
    if (layer.width > 0) {
      const auto attention = packing_->attention(i, layer.heads);
      attention->in.forward(of_layers_.tokens);
      attention->out.forward(attended_of(layer));
    }
    if (engine::none(layer.groups) || routed.rows == 0) continue;
    const auto mlp = packing_->mlp(i, layer.groups);
    const Tensor rows = routed.all()
                            ? of_layers_.tokens
                            : some(of_layers_.compact, {routed.height, dit_->configuration.hidden_size});
    mlp->out.forward(mlp->in.gelu(rows));
  }
}

void Parts::routed(Pass pass) {
  Tensor& tokens = of_layers_.tokens;
  const Tensor &vector = of_layers_.vector, &closed = of_layers_.closed;
  for (const Layer& layer : layers_) {
    if (engine::none(layer.groups)) continue;
    const engine::Routed routed = engine::routed_of(routed_of(layer, pass).mask);
    if (routed.rows.numel() == 0 || routed_of(layer, pass).all()) continue;
    const Tensor normed = model::modulated_norm_rows(tokens, routed.rows, vector, vector, routed.height);
    model::add_gated_rows(tokens, routed.rows, normed, closed);
  }
}

void Parts::together(Pass pass) {
  for (const Layer& layer : layers_)
    if (!all_rows(layer, pass)) residual_and_norm(routed_of(layer, pass));
}

// Of the routed tokens as if they were an image.
void Parts::residual_and_norm(const Routed& routed) {
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
      std::tie(tokens, normed) =
          model::gated_residual_norm(std::move(tokens), normed, m.gate1, m.shift2, m.scale2);
    } else {
      tokens = model::gated_residual(std::move(tokens), normed, m.gate1);
      if (all && !engine::none(layer.groups)) normed = model::modulated_norm(tokens, m.shift2, m.scale2);
    }
    if (all)
      tokens = model::gated_residual(std::move(tokens), normed, m.gate2);
    else
      residual_and_norm(routed_of(layer, pass));
  }
  dit_->unpatchify(dit_->final_layer(tokens, of_layers_.conditioning.final_layer));
}

}  // namespace dydit::study
