// SPDX-License-Identifier: Apache-2.0
// The reference Diffusion Transformer (Peebles & Xie, "Scalable Diffusion Models with Transformers", 2023).
#pragma once

#include "model/layers.h"

namespace dydit::model {

struct DiTImpl : torch::nn::Module {
  explicit DiTImpl(const Configuration& configuration);

  /// x (N,C,H,W), t (N) timesteps of the original process, y (N) labels (num_classes = no class)
  /// -> (N,out_channels,H,W): epsilon, and the variance's interpolation when sigma is learned.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& t, const torch::Tensor& y);

  /// Classifier-free guidance: the batch is a conditional and an unconditional half that share the first
  /// half of x; the guided epsilon replaces the first three channels only, the rest comes from each half.
  torch::Tensor forward_with_guidance(const torch::Tensor& x, const torch::Tensor& t, const torch::Tensor& y,
                                      double scale);

  /// (N,T,p*p*out) -> (N,out,H,W)
  torch::Tensor unpatchify(const torch::Tensor& x) const;

  /// The published initialisation, a pure function of the seed: Xavier uniform with zero bias, N(0, 0.02)
  /// for label table and time MLP, zeros for adaLN outputs and the final linear.
  void initialise(std::uint64_t seed);

  Configuration configuration;
  PatchEmbed x_embedder{nullptr};
  TimestepEmbedder t_embedder{nullptr};
  LabelEmbedder y_embedder{nullptr};
  torch::nn::ModuleList blocks;
  FinalLayer final_layer{nullptr};
  torch::Tensor pos_embed;
};
TORCH_MODULE(DiT);

}  // namespace dydit::model
