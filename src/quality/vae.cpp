// SPDX-License-Identifier: Apache-2.0
#include "quality/vae.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "checkpoint/tensor.h"
#include "float32.h"
#include "model/finite.h"
#include "vae_layers.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

constexpr std::int64_t pixels_at_once = 512 * 512;  // of the images of a pass, whose activations take about 2 GiB

// Tiles of `side` along both sides of the input, of which the last ones may be smaller. Each begins three quarters of a
// tile after the one before. A tile gives `kept` of its output's numbers along a side, the first `blended` of which go
// over from the tile before.
struct Tiling {
  std::int64_t side, output_side;
  std::int64_t stride() const { return side * 3 / 4; }
  std::int64_t kept() const { return output_side * 3 / 4; }
  std::int64_t blended() const { return output_side / 4; }
};

// The beginning of `tile` along a dimension goes over from the end of the one before.
void blend(const Tensor& before, const Tensor& tile, std::int64_t dimension, std::int64_t most) {
  const std::int64_t extent = std::min({before.size(dimension), tile.size(dimension), most});
  std::vector<std::int64_t> shape(4, 1);
  shape[static_cast<std::size_t>(dimension)] = extent;
  const Tensor share = (torch::arange(extent, tile.options()) / extent).view(shape);
  Tensor begin = tile.narrow(dimension, 0, extent);
  begin.copy_(before.narrow(dimension, before.size(dimension) - extent, extent) * (1 - share) + begin * share);
}

template <typename Pass>
Tensor in_tiles(const Tensor& input, const Tiling& tiling, const Pass& pass) {
  std::vector<Tensor> rows, above;
  for (std::int64_t y = 0; y < input.size(2); y += tiling.stride()) {
    std::vector<Tensor> row, parts;
    for (std::int64_t x = 0; x < input.size(3); x += tiling.stride()) {
      const auto cut = [&](const Tensor& from, std::int64_t dimension, std::int64_t begin, std::int64_t length) {
        return from.narrow(dimension, begin, std::min(length, from.size(dimension) - begin));
      };
      const Tensor tile = pass(cut(cut(input, 2, y, tiling.side), 3, x, tiling.side));
      if (!above.empty()) blend(above[row.size()], tile, 2, tiling.blended());
      if (!row.empty()) blend(row.back(), tile, 3, tiling.blended());
      row.push_back(tile);
      parts.push_back(cut(cut(tile, 2, 0, tiling.kept()), 3, 0, tiling.kept()));
    }
    rows.push_back(torch::cat(parts, 3));
    above = std::move(row);
  }
  return torch::cat(rows, 2);
}

const VaeConfiguration& valid(const VaeConfiguration& c) {
  for (const std::int64_t width : c.widths)
    if (c.groups < 1 || width % c.groups != 0)
      throw InputError("not an autoencoder of diffusers", fmt::format("{} channels in {} groups", width, c.groups),
                       "give norm_num_groups in the config.json beside the weights");
  if (c.tile < 1 || c.tile % (4 * c.factor()) != 0)
    throw InputError("tiles of the wrong size", fmt::format("{} pixels", c.tile),
                     fmt::format("give a multiple of {}", 4 * c.factor()));
  return c;
}

}  // namespace

VaeImpl::VaeImpl(const VaeConfiguration& of) : configuration(valid(of)) {
  const std::int64_t c = of.latent_channels;
  encoder = register_module("encoder", std::make_shared<VaeEncoderImpl>(of));
  decoder = register_module("decoder", std::make_shared<VaeDecoderImpl>(of));
  quant_conv = register_module("quant_conv", std::make_shared<ConvolutionImpl>(2 * c, 2 * c, 1));
  post_quant_conv = register_module("post_quant_conv", std::make_shared<ConvolutionImpl>(c, c, 1));
}

// A few images at a time, each whole or in tiles; `side` and `output_side` are those of a tile.
Tensor VaeImpl::in_parts(const Tensor& input, std::int64_t side, std::int64_t output_side, const Pass& pass) const {
  const torch::NoGradGuard no_grad;
  const NoTf32 in_float32;
  const Tiling tiling{side, output_side};
  const bool tiles = input.size(2) > side || input.size(3) > side;
  const std::int64_t of_tile = configuration.tile * configuration.tile,
                     pixels = tiles ? of_tile : of_tile * input.size(2) * input.size(3) / (side * side);
  const Tensor& weight = quant_conv->weight;
  const Tensor there = input.to(weight.device(), weight.scalar_type());
  std::vector<Tensor> parts;
  for (const Tensor& some : there.split(std::max<std::int64_t>(1, pixels_at_once / pixels)))
    parts.push_back((tiles ? in_tiles(some, tiling, pass) : pass(some)).to(torch::kFloat32));
  const Tensor output = torch::cat(parts);
  model::require_finite_output(output);
  return output;
}

Posterior VaeImpl::encode(const Tensor& image) const {
  const std::int64_t f = configuration.factor();
  if (image.dim() != 4 || image.numel() == 0 || image.size(1) != 3 || image.size(2) % f != 0 || image.size(3) % f != 0)
    throw InputError("images do not fit the autoencoder", checkpoint::to_string(image.sizes().vec()),
                     fmt::format("they must be (N, 3, H, W), H and W multiples of {}", f));
  const Tensor moments = in_parts(image, configuration.tile, configuration.tile / f,
                                  [this](const Tensor& part) { return quant_conv->forward(encoder->forward(part)); });
  const auto halves = moments.chunk(2, 1);
  return {.mean = halves[0].contiguous(), .logvar = halves[1].clamp(-30, 20)};
}

Tensor VaeImpl::decode(const Tensor& latent) const {
  const std::int64_t f = configuration.factor();
  if (latent.dim() != 4 || latent.numel() == 0 || latent.size(1) != configuration.latent_channels)
    throw InputError("latents do not fit the autoencoder", checkpoint::to_string(latent.sizes().vec()),
                     fmt::format("they must be (N, {}, h, w)", configuration.latent_channels));
  return in_parts(latent, configuration.tile / f, configuration.tile,
                  [this](const Tensor& part) { return decoder->forward(post_quant_conv->forward(part)); });
}

}  // namespace dydit::quality
