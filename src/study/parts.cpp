// SPDX-License-Identifier: Apache-2.0
#include "parts.h"

#include "engine/routed.h"
#include "model/fused.h"

namespace dydit::study {

using torch::Tensor;

namespace {

// How many units of a layer are on, in every image.
std::int64_t units_on(const Tensor& mask, std::int64_t layer) {
  return mask[0][layer].sum().item<std::int64_t>();
}

}  // namespace

Parts::Parts(model::DiT dit, const engine::Masks& masks, Of of) : dit_(std::move(dit)), of_(of) {
  const auto& c = dit_->configuration;
  const auto options = dit_->pos_embed.options();
  const std::int64_t n = masks.tokens.size(0), t = c.tokens(), d = c.hidden_size;
  x_ = torch::randn({n, c.in_channels, c.input_size, c.input_size}, options);
  t_ = torch::zeros({n}, options.dtype(torch::kInt64));
  y_ = torch::zeros({n}, options.dtype(torch::kInt64));
  tokens_ = torch::randn({n, t, d}, options);
  vector_ = torch::randn({n, d}, options);
  closed_ = torch::zeros_like(vector_);
  for (std::int64_t layer = 0; layer < c.depth; ++layer) {
    const model::BlockImpl& block = dit_->block(static_cast<std::size_t>(layer));
    const std::int64_t heads = units_on(masks.heads, layer), width = heads * c.head_size(),
                       hidden = units_on(masks.channels, layer) * c.group_size();
    // The first rows or columns of a weight; the bias belongs to the product's time, its values do not matter.
    const auto narrow = [&](const model::Linear& linear, std::int64_t in, std::int64_t out) {
      return model::PackedLinear(linear->weight.narrow(0, 0, out).narrow(1, 0, in), linear->bias.narrow(0, 0, out), t);
    };
    const Tensor mask = masks.tokens.select(1, layer).to(options.device());
    const engine::Routed routed = engine::routed_of(mask);
    layers_.push_back({.qkv = narrow(block.attn->qkv, d, 3 * width),
                       .projection = narrow(block.attn->proj, width, d),
                       .fc1 = narrow(block.mlp->fc1, d, hidden),
                       .fc2 = narrow(block.mlp->fc2, hidden, d),
                       .heads_in = torch::randn({n, t, 3 * width}, options),
                       .attended = torch::randn({n, t, width}, options),
                       .heads = heads,
                       .mask = mask,
                       .all_tokens = routed.rows.numel() == mask.numel(),
                       .compact = torch::randn({1, routed.rows.numel(), d}, options),
                       .padded = torch::randn({routed.height, d}, options)});
  }
}

void Parts::attention() {
  for (const Layer& layer : layers_) model::AttentionImpl::attend(layer.heads_in, layer.heads);
}

void Parts::products() {
  for (const Layer& layer : layers_) {
    layer.qkv.forward(tokens_);
    layer.projection.forward(layer.attended);
    layer.fc2.forward(layer.fc1.gelu(layer.padded));
  }
}

void Parts::routed() {
  for (const Layer& layer : layers_) {
    const engine::Routed routed = engine::routed_of(layer.mask);
    if (layer.all_tokens) continue;
    const Tensor normed = model::modulated_norm_rows(tokens_, routed.rows, vector_, vector_, routed.height);
    model::add_gated_rows(tokens_, routed.rows, normed, closed_);
  }
}

void Parts::together() {
  for (Layer& layer : layers_)
    if (!layer.all_tokens) residual_and_norm(layer);
}

// Of the routed tokens as if they were an image.
void Parts::residual_and_norm(Layer& layer) {
  const Tensor vector = vector_.narrow(0, 0, 1);
  const Tensor normed = model::modulated_norm(layer.compact, vector, vector);
  layer.compact = model::gated_residual(std::move(layer.compact), normed, closed_.narrow(0, 0, 1));
}

void Parts::fixed() {
  Tensor tokens = dit_->embed(x_);
  const Tensor silu_c = torch::silu(dit_->t_embedder(t_) + dit_->y_embedder(y_));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto m = dit_->block(i).modulation(silu_c);
    Tensor normed = model::modulated_norm(tokens, m.shift1, m.scale1);
    if (of_ == Of::dense_model) {
      std::tie(tokens, normed) = model::gated_residual_norm(std::move(tokens), normed, m.gate1, m.shift2, m.scale2);
    } else {
      tokens = model::gated_residual(std::move(tokens), normed, m.gate1);
      if (layers_[i].all_tokens) normed = model::modulated_norm(tokens, m.shift2, m.scale2);
    }
    if (layers_[i].all_tokens)
      tokens = model::gated_residual(std::move(tokens), normed, m.gate2);
    else
      residual_and_norm(layers_[i]);
  }
  dit_->unpatchify(dit_->final_layer(tokens, silu_c));
}

}  // namespace dydit::study
