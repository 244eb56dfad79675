// SPDX-License-Identifier: Apache-2.0
// The autoencoder of Stable Diffusion, which latent DiTs are trained with: images to latents and back (Rombach et al.,
// "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022), as AutoencoderKL of diffusers 0.42 has
// it. Shapes: images (N,3,H,W) in [-1,1], latents (N,C,H/f,W/f) with f = 2^(blocks - 1).
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dydit::quality {

struct VaeConfiguration {
  std::vector<std::int64_t> widths;  ///< of the encoder's blocks, in their order; the decoder has them reversed
  std::int64_t layers = 2;           ///< residual layers of a block of the encoder; one of the decoder has one more
  std::int64_t latent_channels = 4;  ///< C
  std::int64_t groups = 32;          ///< of the group norms
  double scaling_factor = 0.18215;   ///< what a diffusion is trained on is so many times a latent
  /// Pixels along a side: what is larger goes through in overlapping tiles of it, a multiple of 4 f.
  std::int64_t tile = 512;

  std::int64_t factor() const { return std::int64_t{1} << (widths.size() - 1); }  ///< f
};

/// What the encoder says of the latents of images: normal, and independent.
struct Posterior {
  torch::Tensor mean, logvar;  ///< logvar cut off to [-30, 20]
};

struct VaeEncoderImpl;
struct VaeDecoderImpl;
struct ConvolutionImpl;

/// Weights as memory was, with the names that diffusers has. Images of a batch are computed a few at a time, and large
/// ones in tiles that overlap by a quarter and are blended there as diffusers' `enable_tiling` does, so memory does not
/// grow with either. A latent of what is in tiles differs a little from that of the whole, for norms and attention see
/// a tile alone. No gradients.
struct VaeImpl : torch::nn::Module {
  /// Throws InputError where groups do not divide a width, or the tile is not a multiple.
  explicit VaeImpl(const VaeConfiguration& configuration);

  /// In float32, on the device of the weights, computed in their type (float32 not as TF32). Throw InputError where the
  /// shape does not fit (H and W are multiples of f), NotFinite where a result is not finite.
  Posterior encode(const torch::Tensor& image) const;
  torch::Tensor decode(const torch::Tensor& latent) const;  ///< not divided by the scaling factor, not cut off

  const VaeConfiguration configuration;
  std::shared_ptr<VaeEncoderImpl> encoder;
  std::shared_ptr<VaeDecoderImpl> decoder;
  std::shared_ptr<ConvolutionImpl> quant_conv, post_quant_conv;

 private:
  using Pass = std::function<torch::Tensor(const torch::Tensor&)>;
  torch::Tensor in_parts(const torch::Tensor& input, std::int64_t side, std::int64_t output_side,
                         const Pass& pass) const;
};
TORCH_MODULE(Vae);

/// An autoencoder with the weights of a file, or of a folder as diffusers writes it (or of the pipeline that has it in
/// its vae/), in eval mode on `device` as `dtype`. Its shape is that of the tensors; `norm_num_groups` and
/// `scaling_factor` are taken from a config.json in the folder or beside the file. The attention may have its older
/// names (query, key, value, proj_attn). Throws InputError for weights that are not such an autoencoder's, do not fit
/// or are not finite, also where `dtype` alone makes them so.
Vae load_vae(const std::filesystem::path& path, torch::Device device = torch::kCPU,
             torch::Dtype dtype = torch::kFloat32);

/// Hash of the content of an autoencoder's files, and of what was read beside them.
std::string hash_of_vae(const std::filesystem::path& path, const VaeConfiguration& configuration);

}  // namespace dydit::quality
