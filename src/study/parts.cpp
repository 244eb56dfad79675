// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include "engine/routed.h"
#include "model/fused.h"

namespace dydit::study {

using torch::Tensor;

// How many units of a layer are on, in every image.
static std::int64_t units_on(const Tensor& mask, std::int64_t layer) {
  return mask[0][layer].sum().item<std::int64_t>();
}

Parts::Parts(model::DiT dit, const std::vector<engine::Masks>& draws, Of of) : dit_(std::move(dit)), of_(of) {
  const auto& c = dit_->configuration;
  const auto options = dit_->pos_embed.options();
  const std::int64_t n = draws.front().tokens.size(0), t = c.tokens(), d = c.hidden_size;
  x_ = torch::randn({n, c.in_channels, c.input_size, c.input_size}, options);
  t_ = torch::zeros({n}, options.dtype(torch::kInt64));
  y_ = torch::zeros({n}, options.dtype(torch::kInt64));
  tokens_ = torch::randn({n, t, d}, options);
  vector_ = torch::randn({n, d}, options);
  closed_ = torch::zeros_like(vector_);
  qkv_ = torch::randn({n * t * 3 * d}, options);
  attended_ = torch::randn({n * t * d}, options);
  const Tensor all = torch::ones({n, t}, torch::kBool);
  compact_ = torch::randn({engine::routed_of(all).height * d}, options);  // with rows that are padding
  for (std::int64_t layer = 0; layer < c.depth; ++layer) {
    layers_.push_back({units_on(draws.front().heads, layer), units_on(draws.front().channels, layer), {}});
    for (const engine::Masks& masks : draws) {
      const Tensor mask = masks.tokens.select(1, layer).to(options.device());
      const engine::Routed routed = engine::routed_of(mask);
      layers_.back().draws.push_back({mask, routed.rows.numel(), routed.height});
    }
  }
}

const Parts::Routed& Parts::routed_of(const Layer& layer, Pass pass) const {
  return layer.draws[static_cast<std::size_t>(pass) % layer.draws.size()];
}

bool Parts::all_rows(const Layer& layer, Pass pass) const {
  const Routed& routed = routed_of(layer, pass);
  return layer.groups == 0 || routed.rows == routed.mask.numel();
}

Tensor Parts::some(const Tensor& numbers, std::initializer_list<std::int64_t> sizes) const {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return numbers.narrow(0, 0, count).view(sizes);
}

void Parts::attention(Pass) {
  const auto& c = dit_->configuration;
  for (const Layer& layer : layers_)
    if (layer.heads > 0)
      model::AttentionImpl::attend(some(qkv_, {tokens_.size(0), c.tokens(), 3 * layer.heads * c.head_size()}),
                                   layer.heads);
}

void Parts::products(Pass pass) {
  const auto& c = dit_->configuration;
  const auto d = c.hidden_size;
  if (products_.empty())
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      const model::BlockImpl& block = dit_->block(layer);
      const auto width = layers_[layer].heads * c.head_size(),
                 hidden = layers_[layer].groups * c.group_size();
      // The first rows or columns of a weight; the bias belongs to the product's time, its values do not
      // matter.
      const auto narrow = [&](const model::Linear& linear, std::int64_t in, std::int64_t out) {
        return model::PackedLinear(linear->weight.narrow(0, 0, out).narrow(1, 0, in),
                                   linear->bias.narrow(0, 0, out), c.tokens());
      };
      products_.push_back({narrow(block.attn->qkv, d, 3 * width), narrow(block.attn->proj, width, d),
                           narrow(block.mlp->fc1, d, hidden), narrow(block.mlp->fc2, hidden, d)});
    }
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const Products& product = products_[layer];
    if (layers_[layer].heads > 0) {
      product.qkv.forward(tokens_);
      product.projection.forward(
          some(attended_, {tokens_.size(0), c.tokens(), layers_[layer].heads * c.head_size()}));
    }
    if (layers_[layer].groups == 0) continue;
    product.fc2.forward(product.fc1.gelu(some(compact_, {routed_of(layers_[layer], pass).height, d})));
  }
}

void Parts::routed(Pass pass) {
  for (const Layer& layer : layers_) {
    if (layer.groups == 0) continue;
    const engine::Routed routed = engine::routed_of(routed_of(layer, pass).mask);
    if (routed.rows.numel() == 0 || all_rows(layer, pass)) continue;
    const Tensor normed = model::modulated_norm_rows(tokens_, routed.rows, vector_, vector_, routed.height);
    model::add_gated_rows(tokens_, routed.rows, normed, closed_);
  }
}

void Parts::together(Pass pass) {
  for (const Layer& layer : layers_)
    if (!all_rows(layer, pass)) residual_and_norm(routed_of(layer, pass));
}

// Of the routed tokens as if they were an image.
void Parts::residual_and_norm(const Routed& routed) {
  if (routed.rows == 0) return;
  Tensor compact = some(compact_, {1, routed.rows, dit_->configuration.hidden_size});
  const Tensor vector = vector_.narrow(0, 0, 1);
  model::add_gated(compact, model::modulated_norm(compact, vector, vector), closed_.narrow(0, 0, 1));
}

void Parts::fixed(Pass pass) {
  Tensor tokens = dit_->embed(x_);
  const Tensor silu_c = torch::silu(dit_->t_embedder(t_) + dit_->y_embedder(y_));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const bool all = all_rows(layer, pass);
    const auto m = dit_->block(i).modulation(silu_c);
    Tensor normed = layer.heads == 0 ? tokens : model::modulated_norm(tokens, m.shift1, m.scale1);
    if (of_ == Of::dense_model) {
      std::tie(tokens, normed) =
          model::gated_residual_norm(std::move(tokens), normed, m.gate1, m.shift2, m.scale2);
    } else {
      tokens = model::gated_residual(std::move(tokens), normed, m.gate1);
      if (all && layer.groups > 0) normed = model::modulated_norm(tokens, m.shift2, m.scale2);
    }
    if (all)
      tokens = model::gated_residual(std::move(tokens), normed, m.gate2);
    else
      residual_and_norm(routed_of(layer, pass));
  }
  dit_->unpatchify(dit_->final_layer(tokens, silu_c));
}

}  // namespace dydit::study
