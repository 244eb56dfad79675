// SPDX-License-Identifier: Apache-2.0
// The layers of the autoencoder, with the names of diffusers. Shapes: x (N,C,H,W).
#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/normalization.h>

#include "model/linear.h"
#include "quality/vae.h"

namespace dydit::quality {

/// A square window; the parameters are left as memory was.
struct ConvolutionImpl : torch::nn::Module {
  ConvolutionImpl(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride = 1,
                  std::int64_t padding = 0);
  torch::Tensor forward(const torch::Tensor& x);
  torch::Tensor weight, bias;  ///< (out,in,size,size), (out)
  std::int64_t stride, padding;
};
TORCH_MODULE(Convolution);

/// x, or a 1x1 convolution of it where the width changes, + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))).
struct ResidualImpl : torch::nn::Module {
  ResidualImpl(std::int64_t in, std::int64_t out, std::int64_t groups);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::GroupNorm norm1{nullptr}, norm2{nullptr};
  Convolution conv1{nullptr}, conv2{nullptr}, conv_shortcut{nullptr};
};
TORCH_MODULE(Residual);

/// x + attention of one head over its pixels.
struct PixelAttentionImpl : torch::nn::Module {
  PixelAttentionImpl(std::int64_t width, std::int64_t groups);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::GroupNorm group_norm{nullptr};
  model::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr};
  torch::nn::Sequential to_out;
};
TORCH_MODULE(PixelAttention);

/// Residual, attention, residual.
struct MiddleImpl : torch::nn::Module {
  MiddleImpl(std::int64_t width, std::int64_t groups);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::ModuleList resnets, attentions;
};
TORCH_MODULE(Middle);

enum class Resample {
  none,
  down,  ///< a convolution of stride 2, zeros right and below alone
  up     ///< each pixel twice along both sides, then a convolution
};

/// Residual layers, then half or twice the size.
struct ResampledImpl : torch::nn::Module {
  ResampledImpl(std::int64_t in, std::int64_t out, std::int64_t layers, std::int64_t groups, Resample resample);
  torch::Tensor forward(torch::Tensor x);
  torch::nn::ModuleList resnets;
  Convolution conv{nullptr};
  Resample resample;
};
TORCH_MODULE(Resampled);

struct VaeEncoderImpl : torch::nn::Module {
  explicit VaeEncoderImpl(const VaeConfiguration& configuration);
  torch::Tensor forward(const torch::Tensor& image);  ///< (N,3,H,W) -> (N,2C,H/f,W/f), before quant_conv
  Convolution conv_in{nullptr}, conv_out{nullptr};
  torch::nn::ModuleList down_blocks;
  Middle mid_block{nullptr};
  torch::nn::GroupNorm conv_norm_out{nullptr};
};

struct VaeDecoderImpl : torch::nn::Module {
  explicit VaeDecoderImpl(const VaeConfiguration& configuration);
  torch::Tensor forward(const torch::Tensor& latent);  ///< (N,C,h,w), after post_quant_conv -> (N,3,h f,w f)
  Convolution conv_in{nullptr}, conv_out{nullptr};
  Middle mid_block{nullptr};
  torch::nn::ModuleList up_blocks;
  torch::nn::GroupNorm conv_norm_out{nullptr};
};

}  // namespace dydit::quality
