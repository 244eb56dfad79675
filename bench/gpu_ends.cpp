// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include "distance.h"
#include "gpu/embed.h"
#include "gpu_kernels.h"

namespace dydit::bench::gpu_kernels {

using test::rel_l2;
using torch::Tensor;

// A layer in float64.
template <typename Layer, typename Shape>
static Layer exact(const Layer& of, const Shape& shape) {
  const torch::InferenceMode inference(false);  // parameters made in it could not change their type
  const torch::NoGradGuard no_grad;
  Layer blank(shape);
  blank->to(of->parameters().front().device(), torch::kFloat64);
  for (const auto& item : of->named_parameters()) blank->named_parameters()[item.key()].copy_(item.value());
  return blank;
}

// `kernel` gives what a layer does: no further from float64 than 1.5 times the way LibTorch's kernels are.
static Case layer_case(const char* name, const std::function<Tensor()>& kernel, const Tensor& theirs,
                       const Tensor& expected) {
  const double bound = 1.5 * rel_l2(theirs, expected);
  return {.run = [kernel](int) { kernel(); },
          .check = [=] { require_close(name, rel_l2(kernel(), expected), bound); },
          .moves = true};
}

Case embed_patches(Block& b, const std::string&) {
  const auto& layer = b.dit->x_embedder->proj;
  const Tensor x = b.in.x, weight = layer->weight.flatten(1).t().contiguous(), bias = layer->bias,
               positions = b.dit->pos_embed.flatten(0, 1);
  const std::int64_t patch = b.dit->configuration.patch_size;
  auto of = exact(b.dit->x_embedder, b.dit->configuration);
  Case c = layer_case(
      "tokens", [=] { return gpu::embed_patches(x, weight, bias, positions, patch); }, b.dit->embed(x),
      of(x.to(torch::kFloat64)) + positions.to(torch::kFloat64));
  c.macs = static_cast<double>(b.n * b.t * weight.numel());
  c.bytes = bytes_of(x.numel() + weight.numel() + positions.numel() + b.x.numel());
  return c;
}

Case condition(Block& b, const std::string&) {
  const auto& first = *b.dit->t_embedder->mlp[0]->as<model::Linear>();
  const auto& second = *b.dit->t_embedder->mlp[2]->as<model::Linear>();
  const Tensor labels = b.dit->y_embedder->embedding_table->weight;
  const gpu::Conditioner conditioner{.weight1 = first.weight,
                                     .bias1 = first.bias,
                                     .weight2 = second.weight,
                                     .bias2 = second.bias,
                                     .labels = labels,
                                     .frequencies = dit::timestep_frequencies(b.options.device())};
  auto of = exact(b.dit->t_embedder, b.d);
  Case c = layer_case(
      "conditioning", [=, in = b.in] { return gpu::condition(conditioner, in.t, in.y); },
      b.dit->conditioning_vector(b.dit->t_embedder(b.in.t), b.in.y),
      torch::silu(of(b.in.t) + labels.index_select(0, b.in.y).to(torch::kFloat64)));
  const std::int64_t weights = first.weight.numel() + second.weight.numel();
  c.macs = static_cast<double>(b.n * weights);
  c.bytes = bytes_of(weights + 2 * b.n * b.d);
  return c;
}

Case final_layer(Block& b, const std::string&) {
  const dit::Configuration& configuration = b.dit->configuration;
  const model::Linear& linear = b.dit->final_layer->linear;
  const std::int64_t columns = linear->weight.size(0), padded = gpu::final_columns(b.d, columns);
  const gpu::FinalLayer layer{.shift = b.part(0),
                              .scale = b.part(1),
                              .weight = torch::constant_pad_nd(linear->weight, {0, 0, 0, padded - columns}),
                              .bias = linear->bias,
                              .channels = configuration.out_channels(),
                              .side = configuration.input_size,
                              .patch = configuration.patch_size};
  auto of = exact(b.dit->final_layer, configuration);
  const Tensor adaln = b.modulation.narrow(1, 0, 2 * b.d);
  Case c = layer_case(
      "output", [=, x = b.x] { return gpu::final_layer(x, layer); }, b.dit->unpatchify(b.dit->final_layer(b.x, adaln)),
      b.dit->unpatchify(of(b.x.to(torch::kFloat64), adaln.to(torch::kFloat64))));
  c.macs = static_cast<double>(b.n * b.t * columns * b.d);
  c.bytes = bytes_of(b.x.numel() + b.n * b.t * columns);
  return c;
}

}  // namespace dydit::bench::gpu_kernels
