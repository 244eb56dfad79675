// SPDX-License-Identifier: Apache-2.0
// The layers of a DiT, with the official names of their parameters. Shapes: N images, T tokens, D width.
#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>


#include "dit/configuration.h"
#include "model/linear.h"

namespace dydit::dit {

/// Fixed 2D sin-cos position embedding (1,T,D): the first half of D from the column, the second from the row.
torch::Tensor position_embedding(std::int64_t grid, std::int64_t width);

struct PatchEmbedImpl : torch::nn::Module {
  explicit PatchEmbedImpl(const Configuration& configuration);
  torch::Tensor forward(const torch::Tensor& x);  ///< (N,C,H,W) -> (N,T,D), contiguous
  torch::nn::Conv2d proj{nullptr};
};
TORCH_MODULE(PatchEmbed);

/// Of the sinusoids of a timestep: float (128).
torch::Tensor timestep_frequencies(torch::Device device);

struct TimestepEmbedderImpl : torch::nn::Module {
  explicit TimestepEmbedderImpl(std::int64_t width);
  torch::Tensor forward(const torch::Tensor& t);  ///< (N) -> (N,D)
  torch::nn::Sequential mlp;
};
TORCH_MODULE(TimestepEmbedder);

/// A table with one more row than there are classes: the last one is "no class".
struct LabelEmbedderImpl : torch::nn::Module {
  LabelEmbedderImpl(std::int64_t classes, std::int64_t width);
  torch::Tensor forward(const torch::Tensor& y) { return embedding_table(y); }  ///< (N) -> (N,D)
  torch::nn::Embedding embedding_table{nullptr};
};
TORCH_MODULE(LabelEmbedder);

struct AttentionImpl : torch::nn::Module {
  AttentionImpl(std::int64_t width, std::int64_t num_heads);
  torch::Tensor forward(const torch::Tensor& x);  ///< (N,T,D) -> (N,T,D)
  model::Linear qkv{nullptr}, proj{nullptr};
  std::int64_t num_heads;
};
TORCH_MODULE(Attention);

struct MlpImpl : torch::nn::Module {
  MlpImpl(std::int64_t width, std::int64_t hidden);
  torch::Tensor forward(const torch::Tensor& x);  ///< (..., D) -> (..., D)
  model::Linear fc1{nullptr}, fc2{nullptr};
};
TORCH_MODULE(Mlp);

/// DyDiT's router over the heads, or over the channel groups, of a block: a function of the timestep alone.
struct WidthRouterImpl : torch::nn::Module {
  explicit WidthRouterImpl(const Configuration& configuration);
  /// Time embedding (N,D) -> logits (N,R) of the last R of H units.
  torch::Tensor forward(const torch::Tensor& time) { return router(time); }
  model::Linear router{nullptr};
};
TORCH_MODULE(WidthRouter);

/// DyDiT's router over the tokens that a block's MLP works on.
struct TokenRouterImpl : torch::nn::Module {
  explicit TokenRouterImpl(const Configuration& configuration);
  torch::Tensor forward(const torch::Tensor& x);  ///< x after the attention's residual (N,T,D) -> logits (N,T)
  torch::nn::Sequential mlp_head;
};
TORCH_MODULE(TokenRouter);

/// Where a block keeps what its attention and its MLP put out, before their gates: (2,N,T,D); undefined where nobody
/// asks.
struct KeptParts {
  torch::Tensor both;
  torch::Tensor of(model::BlockPart part) const { return both.select(0, part == model::BlockPart::mlp ? 1 : 0); }
  void keep(model::BlockPart part, const torch::Tensor& output) const {
    if (both.defined()) of(part).copy_(output);
  }
};

struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(const Configuration& configuration);
  /// What adaLN makes of SiLU(conditioning), (N,D) each.
  struct Modulation {
    torch::Tensor shift1, scale1, gate1, shift2, scale2, gate2;
  };
  static Modulation split(const torch::Tensor& adaln);  ///< adaLN's output (N,6D)
  /// x (N,T,D), whose memory may be reused where nobody else holds it. All of the block, whatever its routers say.
  torch::Tensor forward(torch::Tensor x, const Modulation& modulation, const KeptParts& parts = {});
  Attention attn{nullptr};
  Mlp mlp{nullptr};
  torch::nn::Sequential adaLN_modulation;
  WidthRouter attn_rate{nullptr}, mlp_rate{nullptr};  // of a dynamic configuration
  TokenRouter token_selection{nullptr};
};
TORCH_MODULE(Block);

struct FinalLayerImpl : torch::nn::Module {
  explicit FinalLayerImpl(const Configuration& configuration);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& adaln);  ///< (N,T,D), (N,2D) -> (N,T,p*p*out)
  model::Linear linear{nullptr};
  torch::nn::Sequential adaLN_modulation;
};
TORCH_MODULE(FinalLayer);

}  // namespace dydit::dit
