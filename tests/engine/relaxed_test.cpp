// SPDX-License-Identifier: Apache-2.0
#include "engine/relaxed.h"

#include "catch.h"
#include "golden.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace engine = dydit::engine;
namespace model = dydit::model;

namespace {

constexpr std::int64_t images = 3, heads = 4, depth = 2, tokens = 16;

model::DiT random_model(torch::Dtype type = torch::kFloat32) {
  model::Configuration c;
  c.input_size = 8;
  c.hidden_size = 32;
  c.depth = depth;
  c.num_heads = heads;
  c.num_classes = 10;
  c.dynamic = true;
  model::DiT dit(c);
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.3);
  dit->to(type);
  return dit;
}

struct Batch {
  Tensor x = torch::randn({images, 4, 8, 8}), t = torch::tensor({3, 400, 999}), y = torch::tensor({1, 5, 10});
};

engine::Masks noise(double scale) {
  return {scale * torch::randn({images, depth, heads - 1}), scale * torch::randn({images, depth, heads - 1}),
          scale * torch::randn({images, depth, tokens})};
}

}  // namespace

TEST_CASE("without noise training decides and computes as the masked engine does") {
  model::DiT dit = random_model();
  const Batch b;
  const auto relaxed = engine::relaxed_forward(dit, b.x, b.t, b.y, {.noise = noise(0)});
  const auto outcome = engine::masked_engine(dit)->forward(b.x, b.t, b.y);
  CHECK(torch::equal(relaxed.masks.heads, outcome.masks.heads.to(torch::kFloat32)));
  CHECK(torch::equal(relaxed.masks.channels, outcome.masks.channels.to(torch::kFloat32)));
  CHECK(torch::equal(relaxed.masks.tokens, outcome.masks.tokens.to(torch::kFloat32)));
  CHECK(rel_l2(relaxed.output, outcome.output) <= 1e-5);
  CHECK(outcome.masks.tokens.any().item<bool>());
  CHECK(!outcome.masks.tokens.all().item<bool>());
}

TEST_CASE("noise moves decisions, and a decision's gradient is that of the sigmoid") {
  model::DiT dit = random_model();
  const Batch b;
  engine::Masks drawn = noise(0);
  for (Tensor* part : {&drawn.heads, &drawn.channels, &drawn.tokens}) part->fill_(100)[1].fill_(-100);
  const auto masks = engine::relaxed_forward(dit, b.x, b.t, b.y, {.noise = drawn}).masks;
  for (const Tensor& mask : {masks.heads, masks.channels, masks.tokens}) {
    CHECK(mask[0].min().item<float>() == 1);
    CHECK(mask[2].min().item<float>() == 1);
  }
  CHECK(masks.heads[1].sum().item<float>() == depth);  // the unit that is always on
  CHECK(masks.tokens[1].max().item<float>() == 0);

  drawn = noise(2);
  constexpr double temperature = 3;
  const auto relaxed = engine::relaxed_forward(dit, b.x, b.t, b.y, {.noise = drawn, .temperature = temperature});
  relaxed.masks.heads.select(1, 1).sum().backward();
  const Tensor bias = dit->block(1).attn_rate->router->bias;
  const auto logits = engine::masked_engine(dit)->forward(b.x, b.t, b.y).logits;
  const Tensor soft = torch::sigmoid((logits.heads.select(1, 1) + drawn.heads.select(1, 1)) / temperature);
  CHECK(rel_l2(bias.grad(), (soft * (1 - soft) / temperature).sum(0)) <= 1e-5);
}

TEST_CASE("imposed masks take the routers' place in training, and carry no gradient to them") {
  model::DiT dit = random_model();
  const Batch b;
  const auto first = [](const Tensor& mask) {
    mask.select(2, 0).fill_(true);
    return mask;
  };
  const engine::Masks imposed{first(torch::rand({images, depth, heads}) < 0.5), first(torch::rand({images, depth, heads}) < 0.5),
                              torch::rand({images, depth, tokens}) < 0.5};
  const auto relaxed = engine::relaxed_forward(dit, b.x, b.t, b.y, {}, imposed);
  CHECK(rel_l2(relaxed.output, engine::masked_engine(dit)->forward(b.x, b.t, b.y, imposed).output) <= 1e-5);
  relaxed.output.sum().backward();
  for (const auto& item : dit->named_parameters()) {
    const bool router = item.key().find("_rate.") != item.key().npos || item.key().find("token_selection") != item.key().npos;
    CAPTURE(item.key());
    CHECK(item.value().grad().defined() == (!router && item.key() != "pos_embed"));
  }
}

TEST_CASE("the loss reaches every router, as finite differences of the relaxed mask say") {
  // A mask's own gradient, which the straight-through estimate passes on, in float64 against differences.
  model::DiT dit = random_model(torch::kFloat64);
  Batch b;
  const engine::Masks drawn = noise(1);
  const auto relaxed = engine::relaxed_forward(dit, b.x, b.t, b.y, {.noise = drawn});
  relaxed.output.square().mean().backward();
  for (std::size_t layer = 0; layer < depth; ++layer) {
    CHECK(dit->block(layer).attn_rate->router->weight.grad().abs().max().item<double>() > 0);
    CHECK(dit->block(layer).mlp_rate->router->weight.grad().abs().max().item<double>() > 0);
    CHECK(dit->block(layer).token_selection->parameters().front().grad().abs().max().item<double>() > 0);
  }
}
