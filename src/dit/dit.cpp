// SPDX-License-Identifier: Apache-2.0
#include "dit/dit.h"

#include <cmath>
#include <span>

#include "base/random.h"
#include "base/range.h"

namespace dydit::dit {

using torch::Tensor;

static const Configuration& valid(const Configuration& c) {
  validate(c);
  return c;
}

DiTImpl::DiTImpl(const Configuration& c) : Network(architecture_of(valid(c))), configuration(c) {
  x_embedder = register_module("x_embedder", PatchEmbed(c));
  t_embedder = register_module("t_embedder", TimestepEmbedder(c.hidden_size));
  y_embedder = register_module("y_embedder", LabelEmbedder(c.num_classes, c.hidden_size));
  register_module("blocks", blocks);
  for (std::int64_t i = 0; i < c.depth; ++i) blocks->push_back(Block(c));
  final_layer = register_module("final_layer", FinalLayer(c));
  pos_embed = register_parameter("pos_embed", position_embedding(c.grid(), c.hidden_size), /*requires_grad=*/false);
}

Tensor DiTImpl::embed(const Tensor& x) {
  const Range range("embed");
  return x_embedder(x.to(pos_embed.scalar_type())) + pos_embed;
}

BlockImpl& DiTImpl::block(std::size_t layer) const { return *blocks->ptr<BlockImpl>(layer); }

Conditioning Conditioning::of(const model::Share& share) const {
  Conditioning some{.blocks = {}, .final_layer = share.of(final_layer)};
  for (const Tensor& block : blocks) some.blocks.push_back(share.of(block));
  return some;
}

Tensor DiTImpl::conditioning_vector(const Tensor& time, const Tensor& y) {
  const Range range("label embedder");
  return torch::silu(time + y_embedder(y));
}

std::vector<Tensor> DiTImpl::adaln(const Tensor& vector, std::size_t first, std::size_t last) {
  const Range range("adaLN");
  std::vector<Tensor> outputs(last - first);
  const auto one = [&](std::size_t i) {
    auto& layer = first + i < blocks->size() ? block(first + i).adaLN_modulation : final_layer->adaLN_modulation;
    outputs[i] = layer[1]->as<model::Linear>()->forward(vector);
  };
  if (torch::GradMode::is_enabled())  // a graph is made by one thread, and backward in the order that it was made in
    for (std::size_t i = 0; i < outputs.size(); ++i) one(i);
  else
    model::for_each_apart(outputs.size(), vector.device(), one);
  return outputs;
}

Conditioning DiTImpl::condition(const Tensor& time, const Tensor& y) {
  auto outputs = adaln(conditioning_vector(time, y), 0, blocks->size() + 1);
  const Tensor last = outputs.back();
  outputs.pop_back();
  return {.blocks = std::move(outputs), .final_layer = last};
}

Tensor DiTImpl::forward(const Tensor& x, const Tensor& t, const Tensor& y) {
  const Range range("pass");
  if (torch::GradMode::is_enabled()) return pass(x, condition(t_embedder(t), y));
  const model::OnlyShares only(x.device());
  const Conditioning conditioning = condition(t_embedder(t), y);
  return model::joined(model::shares_of(x.size(0), x.device()),
                       [&](const model::Share& share) { return pass(share.of(x), conditioning.of(share)); });
}

Tensor DiTImpl::pass(const Tensor& x, const Conditioning& conditioning) {
  Tensor tokens = embed(x);
  for (std::size_t layer = 0; layer < blocks->size(); ++layer) {
    const Range range("block", static_cast<std::int64_t>(layer));
    tokens = block(layer).forward(std::move(tokens), conditioning.of_block(layer));
  }
  return unpatchify(final_layer(tokens, conditioning.final_layer));
}

Tensor DiTImpl::unpatchify(const Tensor& x) const {
  const auto n = x.size(0), g = configuration.grid(), p = configuration.patch_size, c = configuration.out_channels();
  return x.view({n, g, g, p, p, c}).permute({0, 5, 1, 3, 2, 4}).reshape({n, c, g * p, g * p});
}

void DiTImpl::initialise(std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  std::uint64_t index = 0;
  for (auto& item : named_parameters()) {
    const std::string& name = item.key();
    if (name == "pos_embed") continue;
    Random random(seed, Purpose::initialisation, index++);
    Tensor value = torch::zeros(item.value().sizes(), torch::kFloat32);
    const std::span<float> values(value.data_ptr<float>(), static_cast<std::size_t>(value.numel()));
    const bool zero = name.find("adaLN_modulation") != name.npos || name.starts_with("final_layer.");
    const bool normal = name.starts_with("y_embedder.") || name.starts_with("t_embedder.");
    if (value.dim() > 1 && normal) {
      random.fill_normal(values);
      value *= 0.02;
    } else if (value.dim() > 1 && !zero) {
      const auto fan_out = value.size(0), fan_in = value.numel() / fan_out;
      const float bound = std::sqrt(6.0F / static_cast<float>(fan_in + fan_out));
      random.fill_uniform(values, -bound, bound);
    }
    if (name.ends_with("_rate.router.bias")) value.fill_(15);
    if (name.ends_with("token_selection.mlp_head.2.bias")) value.fill_(35);
    item.value().copy_(value);
  }
}

void DiTImpl::randomise(std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  initialise(seed);
  std::uint64_t index = 0;
  for (auto& item : named_parameters()) {
    const std::uint64_t sample = index++;
    if (item.key().find("adaLN") == std::string::npos && !item.key().starts_with("final_layer.")) continue;
    Tensor value = torch::empty_like(item.value());
    Random(seed, Purpose::initialisation, sample, /*draw=*/1)
        .fill_normal({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())});
    item.value().copy_(value * 0.02);
  }
}

DiT with_open_routers(const DiT& dit, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  DiT dynamic(with_routers(dit->configuration));
  dynamic->initialise(seed);
  dynamic->to(dit->pos_embed.device(), dit->pos_embed.scalar_type());
  const auto given = dit->named_parameters();
  for (auto& item : dynamic->named_parameters()) {
    const bool router =
        item.key().find("_rate.") != item.key().npos || item.key().find("token_selection.") != item.key().npos;
    if (!router) item.value().copy_(given[item.key()]);
  }
  dynamic->train(dit->is_training());
  return dynamic;
}

Tensor guided(const Tensor& x, double scale, const std::function<Tensor(const Tensor& x)>& forward) {
  const Tensor half = x.narrow(0, 0, x.size(0) / 2);
  const Tensor out = forward(torch::cat({half, half}));
  const auto epsilon = out.narrow(1, 0, 3).chunk(2);
  const Tensor mixed = epsilon[1] + scale * (epsilon[0] - epsilon[1]);
  return torch::cat({torch::cat({mixed, mixed}), out.narrow(1, 3, out.size(1) - 3)}, 1);
}

}  // namespace dydit::dit
