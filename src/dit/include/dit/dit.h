// SPDX-License-Identifier: Apache-2.0
// The reference Diffusion Transformer (Peebles & Xie, "Scalable Diffusion Models with Transformers", 2023).
#pragma once

#include <functional>
#include <vector>

#include "dit/layers.h"
#include "model/network.h"
#include "model/shares.h"

namespace dydit::dit {

/// What timestep and label of N images are to the model: the outputs of adaLN.
struct Conditioning {
  std::vector<torch::Tensor> blocks;  ///< (N,6D) each
  torch::Tensor final_layer;          ///< (N,2D)
  BlockImpl::Modulation of_block(std::size_t layer) const { return BlockImpl::split(blocks.at(layer)); }
  Conditioning of(const model::Share& share) const;
};

struct DiTImpl : model::Network {
  explicit DiTImpl(const Configuration& configuration);

  /// x (N,C,H,W), t (N) timesteps of the original process, y (N) labels (num_classes = no class)
  /// -> (N,out_channels,H,W): epsilon, and the variance's interpolation when sigma is learned. Of a dynamic
  /// configuration the complete model, whatever its routers say: engine/ runs the dynamic one.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& t, const torch::Tensor& y);
  torch::Tensor complete(const model::Inputs& in) override { return forward(in.x, in.t, in.y); }

  /// time = t_embedder(t) (N,D), y (N). Of a whole batch at once: the weights of adaLN are large and its rows few, so
  /// that to read them takes the time.
  Conditioning condition(const torch::Tensor& time, const torch::Tensor& y);
  /// What adaLN reads (N,D).
  torch::Tensor conditioning_vector(const torch::Tensor& time, const torch::Tensor& y);
  /// Its outputs for blocks [first, last), a last one being the final layer, number `depth`.
  std::vector<torch::Tensor> adaln(const torch::Tensor& vector, std::size_t first, std::size_t last);

  /// x (N,C,H,W) -> tokens with their positions (N,T,D)
  torch::Tensor embed(const torch::Tensor& x);

  /// (N,T,p*p*out) -> (N,out,H,W)
  torch::Tensor unpatchify(const torch::Tensor& x) const;

  /// The published initialisation, a pure function of the seed: Xavier uniform with zero bias, N(0, 0.02)
  /// for label table and time MLP, zeros for adaLN outputs and the final linear; routers that are mostly
  /// open, by biases of 15 (heads, channel groups) and 35 (tokens).
  void initialise(std::uint64_t seed);

  /// That initialisation, with N(0, 0.02) where it has zeros.
  void randomise(std::uint64_t seed) override;
  std::shared_ptr<model::Network> blank() const override { return std::make_shared<DiTImpl>(configuration); }

  BlockImpl& block(std::size_t layer) const;

  Configuration configuration;
  PatchEmbed x_embedder{nullptr};
  TimestepEmbedder t_embedder{nullptr};
  LabelEmbedder y_embedder{nullptr};
  torch::nn::ModuleList blocks;
  FinalLayer final_layer{nullptr};
  torch::Tensor pos_embed;

 private:
  torch::Tensor pass(const torch::Tensor& x, const Conditioning& conditioning);
};
TORCH_MODULE(DiT);

/// `dit` with new routers, which are mostly open; those of a dynamic one are replaced.
DiT with_open_routers(const DiT& dit, std::uint64_t seed = 0);

/// Classifier-free guidance of any forward pass over x: the batch is a conditional and an unconditional half that
/// share the first half of x; the guided epsilon replaces the first three channels only, the rest comes from each
/// half.
torch::Tensor guided(const torch::Tensor& x, double scale,
                     const std::function<torch::Tensor(const torch::Tensor& x)>& forward);

}  // namespace dydit::dit
