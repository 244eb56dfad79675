// SPDX-License-Identifier: Apache-2.0
#include "dit/layers.h"

#include <torch/nn/modules/activation.h>

#include <cmath>

#include "base/range.h"
#include "model/attention.h"
#include "model/fused.h"

namespace dydit::dit {

using torch::Tensor;
namespace nn = torch::nn;

Tensor timestep_frequencies(torch::Device device) {
  constexpr std::int64_t half = 256 / 2;
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  const Tensor exponents = -std::log(10000.0) * torch::arange(0, half, options) / half;
  // Libraries of mathematics differ by an ulp in float32, which t = 999 would make 6e-5.
  return torch::exp(exponents.to(torch::kFloat64)).to(torch::kFloat32);
}

// Sinusoids of t, cosines first, maximal period 10000, in float32: (N) -> (N,256).
static Tensor timestep_sinusoids(const Tensor& t) {
  const Tensor angles = t.to(torch::kFloat32).unsqueeze(1) * timestep_frequencies(t.device());
  return torch::cat({torch::cos(angles), torch::sin(angles)}, 1);
}

Tensor position_embedding(std::int64_t grid, std::int64_t width) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  const std::int64_t quarter = width / 4;
  const Tensor omega = torch::pow(10000.0, -torch::arange(0, quarter, options) / quarter);
  const Tensor angles = torch::arange(0, grid, options).unsqueeze(1) * omega;
  const Tensor line = torch::cat({torch::sin(angles), torch::cos(angles)}, 1);  // (grid, D/2)
  const Tensor column = line.unsqueeze(0).expand({grid, grid, -1});
  const Tensor row = line.unsqueeze(1).expand({grid, grid, -1});
  return torch::cat({column, row}, 2).reshape({1, grid * grid, width}).to(torch::kFloat32);
}

PatchEmbedImpl::PatchEmbedImpl(const Configuration& c)
    : proj(register_module(
          "proj", nn::Conv2d(nn::Conv2dOptions(c.in_channels, c.hidden_size, c.patch_size).stride(c.patch_size)))) {}

Tensor PatchEmbedImpl::forward(const Tensor& x) {
  // A convolution whose windows do not overlap: a product, without the layouts that a convolution goes through.
  const auto n = x.size(0), c = x.size(1), p = proj->weight.size(2), g = x.size(2) / p;
  const Tensor patches = x.reshape({n, c, g, p, g, p}).permute({0, 2, 4, 1, 3, 5}).reshape({n, g * g, c * p * p});
  return at::linear(patches, proj->weight.flatten(1), proj->bias);
}

TimestepEmbedderImpl::TimestepEmbedderImpl(std::int64_t width)
    : mlp(register_module("mlp", nn::Sequential(model::Linear(256, width), nn::SiLU(), model::Linear(width, width)))) {}

Tensor TimestepEmbedderImpl::forward(const Tensor& t) {
  const Range range("timestep embedder");
  return mlp->forward(timestep_sinusoids(t).to(mlp[0]->as<model::Linear>()->weight.scalar_type()));
}

LabelEmbedderImpl::LabelEmbedderImpl(std::int64_t classes, std::int64_t width)
    : embedding_table(register_module("embedding_table", nn::Embedding(classes + 1, width))) {}

AttentionImpl::AttentionImpl(std::int64_t width, std::int64_t heads)
    : qkv(register_module("qkv", model::Linear(width, 3 * width))),
      proj(register_module("proj", model::Linear(width, width))),
      num_heads(heads) {}

Tensor AttentionImpl::forward(const Tensor& x) {
  const Tensor of_heads = in_range("qkv", [&] { return qkv(x); });
  const Tensor mixed = model::attention(of_heads, num_heads);
  return in_range("proj", [&] { return proj(mixed); });
}

MlpImpl::MlpImpl(std::int64_t width, std::int64_t hidden)
    : fc1(register_module("fc1", model::Linear(width, hidden))),
      fc2(register_module("fc2", model::Linear(hidden, width))) {}

Tensor MlpImpl::forward(const Tensor& x) {
  const Tensor hidden = in_range("fc1", [&] { return fc1->gelu(x); });
  return in_range("fc2", [&] { return fc2(hidden); });
}

WidthRouterImpl::WidthRouterImpl(const Configuration& c)
    : router(register_module("router", model::Linear(c.hidden_size, c.routed_units()))) {}

TokenRouterImpl::TokenRouterImpl(const Configuration& c)
    : mlp_head(register_module("mlp_head", nn::Sequential(model::Linear(c.hidden_size, c.token_router_width()),
                                                          nn::ReLU(), model::Linear(c.token_router_width(), 1)))) {}

Tensor TokenRouterImpl::forward(const Tensor& x) {
  const Range range("router");
  return model::row_logits(x, *mlp_head[0]->as<model::Linear>(), *mlp_head[2]->as<model::Linear>());
}

BlockImpl::BlockImpl(const Configuration& c)
    : attn(register_module("attn", Attention(c.hidden_size, c.num_heads))),
      mlp(register_module("mlp", Mlp(c.hidden_size, c.mlp_hidden()))),
      adaLN_modulation(register_module("adaLN_modulation",
                                       nn::Sequential(nn::SiLU(), model::Linear(c.hidden_size, 6 * c.hidden_size)))) {
  if (!c.dynamic) return;
  attn_rate = register_module("attn_rate", WidthRouter(c));
  mlp_rate = register_module("mlp_rate", WidthRouter(c));
  token_selection = register_module("token_selection", TokenRouter(c));
}

BlockImpl::Modulation BlockImpl::split(const Tensor& adaln) {
  const auto m = adaln.chunk(6, 1);
  return {m[0], m[1], m[2], m[3], m[4], m[5]};
}

Tensor BlockImpl::forward(Tensor x, const Modulation& m, const KeptParts& parts) {
  const Tensor attended = in_range("attention", [&] { return attn(model::modulated_norm(x, m.shift1, m.scale1)); });
  parts.keep(model::BlockPart::attention, attended);
  auto [residual, normed] = model::gated_residual_norm(std::move(x), attended, m.gate1, m.shift2, m.scale2);
  const Tensor out = in_range("mlp", [&] { return mlp(normed); });
  parts.keep(model::BlockPart::mlp, out);
  return model::gated_residual(std::move(residual), out, m.gate2);
}

FinalLayerImpl::FinalLayerImpl(const Configuration& c)
    : linear(register_module("linear", model::Linear(c.hidden_size, c.patch_size * c.patch_size * c.out_channels()))),
      adaLN_modulation(register_module("adaLN_modulation",
                                       nn::Sequential(nn::SiLU(), model::Linear(c.hidden_size, 2 * c.hidden_size)))) {}

Tensor FinalLayerImpl::forward(const Tensor& x, const Tensor& adaln) {
  const Range range("final layer");
  const auto m = adaln.chunk(2, 1);
  return linear(model::modulated_norm(x, m[0], m[1]));
}

}  // namespace dydit::dit
