// SPDX-License-Identifier: Apache-2.0
// The kernels before and behind the blocks against the model's own layers in float64; passed over without a Hopper GPU.
#include <torch/torch.h>

#include "catch.h"
#include "gpu/embed.h"
#include "gpu_support.h"

using namespace dydit;
using test::relative;
using torch::Tensor;

TEST_CASE("what is before and behind the blocks is as the model's layers have it", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::NoGradGuard no_grad;
  torch::manual_seed(13);
  const torch::Device device(torch::kCUDA, 0);
  for (const torch::Dtype dtype : {torch::kBFloat16, torch::kFloat16})
    for (const std::int64_t width : {64, 384, 1152}) {
      dit::DiT dit(dit::from_json(
          {{"input_size", 8}, {"hidden_size", width}, {"depth", 1}, {"num_heads", 4}, {"num_classes", 10}}));
      dit->randomise(3);
      dit->to(device, dtype);
      dit::DiT exact = test::in_float64(dit);
      const dit::Configuration& c = dit->configuration;
      const auto &first = *dit->t_embedder->mlp[0]->as<model::Linear>(),
                 &second = *dit->t_embedder->mlp[2]->as<model::Linear>();
      const gpu::Conditioner conditioner{.weight1 = first.weight,
                                         .bias1 = first.bias,
                                         .weight2 = second.weight,
                                         .bias2 = second.bias,
                                         .labels = dit->y_embedder->embedding_table->weight,
                                         .frequencies = dit::timestep_frequencies(device)};
      const model::Linear& last = dit->final_layer->linear;
      const std::int64_t columns = last->weight.size(0), padded = gpu::final_columns(width, columns);
      for (const std::int64_t images : {1, 9, 300}) {  // one block of a kernel, several, and those of many tokens
        CAPTURE(width, images);
        const auto check = [](const Tensor& ours, const Tensor& theirs, const Tensor& expected) {
          CHECK(ours.scalar_type() == theirs.scalar_type());
          CHECK(relative(ours, expected) <= 1.5 * relative(theirs, expected));
        };
        const auto options = torch::TensorOptions(device);
        const Tensor x = torch::randn({images, 4, 8, 8}, options),
                     y = torch::randint(0, 11, {images}, options.dtype(torch::kInt64));
        for (const Tensor& t : {torch::randint(0, 1000, {images}, options.dtype(torch::kInt64)),
                                torch::rand({images}, options.dtype(torch::kFloat32)) * 999})
          check(gpu::condition(conditioner, t, y), dit->conditioning_vector(dit->t_embedder(t), y),
                exact->conditioning_vector(exact->t_embedder(t), y));
        const Tensor weight = dit->x_embedder->proj->weight.flatten(1).t().contiguous();
        for (const Tensor& given : {x, x.to(dtype)})
          check(gpu::embed_patches(given, weight, dit->x_embedder->proj->bias, dit->pos_embed.flatten(0, 1), 2),
                dit->embed(given), exact->embed(given));
        const Tensor tokens = torch::randn({images, 16, width}, options).to(dtype),
                     adaln = torch::randn({images, 5 * width}, options).to(dtype).narrow(1, width, 2 * width);
        const auto m = adaln.chunk(2, 1);
        check(gpu::final_layer(tokens, {.shift = m[0],
                                        .scale = m[1],
                                        .weight = torch::constant_pad_nd(last->weight, {0, 0, 0, padded - columns}),
                                        .bias = last->bias,
                                        .channels = c.out_channels(),
                                        .side = c.input_size,
                                        .patch = c.patch_size}),
              dit->unpatchify(dit->final_layer(tokens, adaln)),
              exact->unpatchify(exact->final_layer(tokens.to(torch::kFloat64), adaln.to(torch::kFloat64))));
      }
    }
}
