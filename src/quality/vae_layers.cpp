// SPDX-License-Identifier: Apache-2.0
#include "vae_layers.h"

#include "base/range.h"

namespace dydit::quality {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr double norm_eps = 1e-6;

nn::GroupNorm group_norm(std::int64_t width, std::int64_t groups) {
  return nn::GroupNorm(nn::GroupNormOptions(groups, width).eps(norm_eps));
}

Convolution window_of_3(std::int64_t in, std::int64_t out) { return Convolution(in, out, 3, 1, 1); }

}  // namespace

ConvolutionImpl::ConvolutionImpl(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t along,
                                 std::int64_t around)
    : weight(register_parameter("weight", torch::empty({out, in, size, size}))),
      bias(register_parameter("bias", torch::empty({out}))),
      stride(along),
      padding(around) {}

Tensor ConvolutionImpl::forward(const Tensor& x) {
  const std::array strides{stride, stride}, paddings{padding, padding};
  return at::conv2d(x, weight, bias, strides, paddings);
}

ResidualImpl::ResidualImpl(std::int64_t in, std::int64_t out, std::int64_t groups) {
  norm1 = register_module("norm1", group_norm(in, groups));
  conv1 = register_module("conv1", window_of_3(in, out));
  norm2 = register_module("norm2", group_norm(out, groups));
  conv2 = register_module("conv2", window_of_3(out, out));
  if (in != out) conv_shortcut = register_module("conv_shortcut", Convolution(in, out, 1));
}

Tensor ResidualImpl::forward(const Tensor& x) {
  const Tensor hidden = conv1(at::silu(norm1(x)));
  const Tensor change = conv2(at::silu(norm2(hidden)));
  return (conv_shortcut ? conv_shortcut(x) : x) + change;
}

PixelAttentionImpl::PixelAttentionImpl(std::int64_t width, std::int64_t groups) {
  group_norm = register_module("group_norm", quality::group_norm(width, groups));
  to_q = register_module("to_q", model::Linear(width, width));
  to_k = register_module("to_k", model::Linear(width, width));
  to_v = register_module("to_v", model::Linear(width, width));
  to_out = register_module("to_out", nn::Sequential(model::Linear(width, width)));
}

Tensor PixelAttentionImpl::forward(const Tensor& x) {
  const Tensor pixels = group_norm(x).flatten(2).transpose(1, 2).contiguous();  // (N,H W,C)
  const auto head = [](const Tensor& tokens) { return tokens.unsqueeze(1); };
  const Tensor seen =
      at::scaled_dot_product_attention(head(to_q(pixels)), head(to_k(pixels)), head(to_v(pixels))).squeeze(1);
  return x + to_out->forward(seen.contiguous()).transpose(1, 2).reshape(x.sizes());
}

MiddleImpl::MiddleImpl(std::int64_t width, std::int64_t groups) {
  register_module("resnets", resnets);
  register_module("attentions", attentions);
  resnets->push_back(Residual(width, width, groups));
  attentions->push_back(PixelAttention(width, groups));
  resnets->push_back(Residual(width, width, groups));
}

Tensor MiddleImpl::forward(const Tensor& x) {
  const Tensor first = resnets->ptr<ResidualImpl>(0)->forward(x);
  return resnets->ptr<ResidualImpl>(1)->forward(attentions->ptr<PixelAttentionImpl>(0)->forward(first));
}

ResampledImpl::ResampledImpl(std::int64_t in, std::int64_t out, std::int64_t layers, std::int64_t groups, Resample how)
    : resample(how) {
  register_module("resnets", resnets);
  for (std::int64_t i = 0; i < layers; ++i) resnets->push_back(Residual(i == 0 ? in : out, out, groups));
  if (how == Resample::none) return;
  const bool down = how == Resample::down;
  conv = down ? Convolution(out, out, 3, 2) : window_of_3(out, out);
  // As diffusers has it: a list of one module, of which this is the only member.
  const auto resampler = std::make_shared<nn::Module>("Resampler");
  resampler->register_module("conv", conv);
  register_module(down ? "downsamplers" : "upsamplers", nn::ModuleList())->push_back(resampler);
}

Tensor ResampledImpl::forward(Tensor x) {
  for (const auto& layer : *resnets) x = layer->as<ResidualImpl>()->forward(x);
  if (resample == Resample::down) return conv(at::constant_pad_nd(x, {0, 1, 0, 1}));
  if (resample == Resample::up) return conv(at::upsample_nearest2d(x, std::array{2 * x.size(2), 2 * x.size(3)}));
  return x;
}

VaeEncoderImpl::VaeEncoderImpl(const VaeConfiguration& c) {
  conv_in = register_module("conv_in", window_of_3(3, c.widths.front()));
  register_module("down_blocks", down_blocks);
  for (std::size_t i = 0; i < c.widths.size(); ++i)
    down_blocks->push_back(Resampled(c.widths[i == 0 ? 0 : i - 1], c.widths[i], c.layers, c.groups,
                                     i + 1 < c.widths.size() ? Resample::down : Resample::none));
  mid_block = register_module("mid_block", Middle(c.widths.back(), c.groups));
  conv_norm_out = register_module("conv_norm_out", group_norm(c.widths.back(), c.groups));
  conv_out = register_module("conv_out", window_of_3(c.widths.back(), 2 * c.latent_channels));
}

Tensor VaeEncoderImpl::forward(const Tensor& image) {
  const Range range("VAE encoder");
  Tensor x = conv_in(image);
  for (const auto& block : *down_blocks) x = block->as<ResampledImpl>()->forward(std::move(x));
  x = mid_block(x);
  return conv_out(at::silu(conv_norm_out(x)));
}

VaeDecoderImpl::VaeDecoderImpl(const VaeConfiguration& c) {
  const std::vector<std::int64_t> widths(c.widths.rbegin(), c.widths.rend());
  conv_in = register_module("conv_in", window_of_3(c.latent_channels, widths.front()));
  mid_block = register_module("mid_block", Middle(widths.front(), c.groups));
  register_module("up_blocks", up_blocks);
  for (std::size_t i = 0; i < widths.size(); ++i)
    up_blocks->push_back(Resampled(widths[i == 0 ? 0 : i - 1], widths[i], c.layers + 1, c.groups,
                                   i + 1 < widths.size() ? Resample::up : Resample::none));
  conv_norm_out = register_module("conv_norm_out", group_norm(widths.back(), c.groups));
  conv_out = register_module("conv_out", window_of_3(widths.back(), 3));
}

Tensor VaeDecoderImpl::forward(const Tensor& latent) {
  const Range range("VAE decoder");
  Tensor x = mid_block(conv_in(latent));
  for (const auto& block : *up_blocks) x = block->as<ResampledImpl>()->forward(std::move(x));
  return conv_out(at::silu(conv_norm_out(x)));
}

}  // namespace dydit::quality
