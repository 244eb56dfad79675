// SPDX-License-Identifier: Apache-2.0
#include "dit/relaxed.h"

#include "catch.h"
#include "distance.h"
#include "dit/engines.h"
#include "masked_block.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace axis = dydit::dit::axis;
namespace dit = dydit::dit;
namespace engine = dydit::engine;
namespace model = dydit::model;

namespace {

constexpr std::int64_t images = 3, heads = 4, depth = 2, tokens = 16;

dit::DiT random_model(torch::Dtype type = torch::kFloat32, bool first_unit_always_on = true) {
  dit::Configuration c;
  c.input_size = 8;
  c.hidden_size = 32;
  c.depth = depth;
  c.num_heads = heads;
  c.num_classes = 10;
  c.dynamic = true;
  c.first_unit_always_on = first_unit_always_on;
  dit::DiT dit(c);
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.3);
  dit->to(type);
  return dit;
}

model::Inputs random_batch() {
  return {.x = torch::randn({images, 4, 8, 8}), .t = torch::tensor({3, 400, 999}), .y = torch::tensor({1, 5, 10})};
}

engine::Masks noise(double scale, std::int64_t units = heads - 1) {
  return {scale * torch::randn({images, depth, units}), scale * torch::randn({images, depth, units}),
          scale * torch::randn({images, depth, tokens})};
}

}  // namespace

TEST_CASE("without noise training decides and computes as the masked engine does") {
  const bool first_unit_always_on = GENERATE(true, false);
  dit::DiT dit = random_model(torch::kFloat32, first_unit_always_on);
  const model::Inputs b = random_batch();
  const auto drawn = noise(0, dit->configuration.routed_units());
  const auto relaxed = dit::relaxed_forward(dit, b, {.noise = drawn});
  const auto outcome = dit::masked_engine(dit)->forward(b);
  CHECK(torch::equal(relaxed.masks[axis::heads], outcome.masks[axis::heads].to(torch::kFloat32)));
  CHECK(torch::equal(relaxed.masks[axis::channels], outcome.masks[axis::channels].to(torch::kFloat32)));
  CHECK(torch::equal(relaxed.masks[axis::tokens], outcome.masks[axis::tokens].to(torch::kFloat32)));
  CHECK(rel_l2(relaxed.output, outcome.output) <= 1e-5);
  CHECK(outcome.masks[axis::tokens].any().item<bool>());
  CHECK(!outcome.masks[axis::tokens].all().item<bool>());
  CHECK(relaxed.masks[axis::heads].select(2, 0).min().item<float>() == (first_unit_always_on ? 1 : 0));
}

TEST_CASE("in the older dialect training can switch off every head and group, and knows their gradients") {
  dit::DiT dit = random_model(torch::kFloat32, /*first_unit_always_on=*/false);
  const model::Inputs b = random_batch();
  engine::Masks drawn = noise(0, heads);
  for (const std::size_t of : {axis::heads, axis::channels}) drawn[of].fill_(-100);
  drawn[axis::tokens].fill_(100);
  const auto relaxed = dit::relaxed_forward(dit, b, {.noise = drawn, .temperature = 50});
  CHECK(relaxed.masks[axis::heads].max().item<float>() == 0);
  CHECK(relaxed.masks[axis::channels].max().item<float>() == 0);
  const engine::Masks off{relaxed.masks[axis::heads] > 0.5, relaxed.masks[axis::channels] > 0.5,
                          relaxed.masks[axis::tokens] > 0.5};
  CHECK(rel_l2(relaxed.output, dit::masked_engine(dit)->forward(b, off).output) <= 1e-5);
  relaxed.output.square().sum().backward();
  for (const Tensor& gradient :
       {dit->block(0).attn_rate->router->bias.grad(), dit->block(1).mlp_rate->router->bias.grad()}) {
    REQUIRE(gradient.sizes() == torch::IntArrayRef({heads}));
    CHECK((gradient != 0).all().item<bool>());
  }
}

TEST_CASE("noise moves decisions, and a decision's gradient is that of the sigmoid") {
  dit::DiT dit = random_model();
  const model::Inputs b = random_batch();
  engine::Masks drawn = noise(0);
  for (Tensor& part : drawn) part.fill_(100)[1].fill_(-100);
  const auto masks = dit::relaxed_forward(dit, b, {.noise = drawn}).masks;
  for (const Tensor& mask : masks) {
    CHECK(mask[0].min().item<float>() == 1);
    CHECK(mask[2].min().item<float>() == 1);
  }
  CHECK(masks[axis::heads][1].sum().item<float>() == depth);  // the unit that is always on
  CHECK(masks[axis::tokens][1].max().item<float>() == 0);

  drawn = noise(2);
  constexpr double temperature = 3;
  const auto relaxed = dit::relaxed_forward(dit, b, {.noise = drawn, .temperature = temperature});
  relaxed.masks[axis::heads].select(1, 1).sum().backward();
  const Tensor bias = dit->block(1).attn_rate->router->bias;
  const auto logits = dit::masked_engine(dit)->forward(b).logits;
  const Tensor soft =
      torch::sigmoid((logits[axis::heads].select(1, 1) + drawn[axis::heads].select(1, 1)) / temperature);
  CHECK(rel_l2(bias.grad(), (soft * (1 - soft) / temperature).sum(0)) <= 1e-5);
}

TEST_CASE("imposed masks take the routers' place in training, and carry no gradient to them") {
  dit::DiT dit = random_model();
  const model::Inputs b = random_batch();
  const auto first = [](const Tensor& mask) {
    mask.select(2, 0).fill_(true);
    return mask;
  };
  const engine::Masks imposed{first(torch::rand({images, depth, heads}) < 0.5),
                              first(torch::rand({images, depth, heads}) < 0.5),
                              torch::rand({images, depth, tokens}) < 0.5};
  const auto relaxed = dit::relaxed_forward(dit, b, {}, imposed);
  CHECK(rel_l2(relaxed.output, dit::masked_engine(dit)->forward(b, imposed).output) <= 1e-5);
  relaxed.output.sum().backward();
  for (const auto& item : dit->named_parameters()) {
    const bool router =
        item.key().find("_rate.") != item.key().npos || item.key().find("token_selection") != item.key().npos;
    CAPTURE(item.key());
    CHECK(item.value().grad().defined() == (!router && item.key() != "pos_embed"));
  }
}

TEST_CASE("a decision's gradient is that of the loss along its sigmoid, as central differences say") {
  dit::DiT dit = random_model(torch::kFloat64);
  const model::Inputs b = random_batch();
  constexpr double temperature = 3;
  // Noise is added to the logits, so that its gradient is theirs.
  engine::Masks drawn = noise(1);
  for (Tensor& part : drawn) part = part.to(torch::kFloat64).set_requires_grad(true);
  const dit::Relaxation relaxation{.noise = drawn, .temperature = temperature};
  const auto relaxed = dit::relaxed_forward(dit, b, relaxation);
  const Tensor relaxed_loss = relaxed.output.square().mean();
  relaxed_loss.backward();

  const torch::NoGradGuard no_grad;
  const engine::Masks& on = relaxed.masks;
  const engine::Masks taken{on[axis::heads] > 0.5, on[axis::channels] > 0.5, on[axis::tokens] > 0.5};
  const auto run = engine::Overruled::run;
  const auto logits = dit::masked_engine(dit)->forward(b, taken, run).logits;
  // What straight-through is the gradient of: masks begin as the decisions that were taken and move as the
  // sigmoids do, also those of tokens whose logits move with an earlier mask.
  const auto loss = [&](const engine::Masks& moved) {
    const auto sigmoid = [&](const Tensor& logit, const Tensor& noise) {
      return torch::sigmoid((logit + noise) / temperature);
    };
    const auto units = [&](std::size_t part) {
      const Tensor change = sigmoid(logits[part], moved[part]) - sigmoid(logits[part], drawn[part]);
      return taken[part] + torch::constant_pad_nd(change, {1, 0});  // unit 0 is always on
    };
    const Tensor heads_on = units(axis::heads), channels_on = units(axis::channels);
    const auto conditioning = dit->condition(dit->t_embedder(b.t), b.y);
    Tensor x = dit->embed(b.x);
    for (std::size_t layer = 0; layer < depth; ++layer) {
      const auto at = static_cast<std::int64_t>(layer);
      const auto tokens = [&](const Tensor& residual) {
        const auto of = [&](const engine::Masks& masks) { return masks[axis::tokens].select(1, at); };
        return of(taken) + sigmoid(dit->block(layer).token_selection(residual), of(moved)) -
               sigmoid(of(logits), of(drawn));
      };
      x = dit::masked_block(dit->block(layer), x, conditioning.of_block(layer), heads_on.select(1, at),
                            channels_on.select(1, at), tokens, {});
    }
    const Tensor output = dit->unpatchify(dit->final_layer(x, conditioning.final_layer));
    return output.square().mean().item<double>();
  };
  CHECK(loss(drawn) == Approx(relaxed_loss.item<double>()).epsilon(1e-6));
  for (const std::size_t part : {axis::heads, axis::channels, axis::tokens}) {
    constexpr double step = 1e-4;
    const Tensor gradient = drawn[part].grad(), differences = torch::zeros_like(gradient);
    for (std::int64_t i = 0; i < differences.numel(); ++i) {
      const auto loss_at = [&](double distance) {
        engine::Masks moved = drawn;
        moved[part] = drawn[part].clone();
        moved[part].view(-1)[i] += distance;
        return loss(moved);
      };
      differences.view(-1)[i] = (loss_at(step) - loss_at(-step)) / (2 * step);
    }
    CHECK(rel_l2(gradient, differences) <= 1e-5);
  }
  for (std::size_t layer = 0; layer < depth; ++layer) {
    const auto summed = [&](const Tensor& noise) {
      return noise.grad().select(1, static_cast<std::int64_t>(layer)).sum(0);
    };
    dit::BlockImpl& block = dit->block(layer);
    CHECK(rel_l2(block.attn_rate->router->bias.grad(), summed(drawn[axis::heads])) <= 1e-5);
    CHECK(rel_l2(block.mlp_rate->router->bias.grad(), summed(drawn[axis::channels])) <= 1e-5);
    const Tensor bias = block.token_selection->mlp_head[2]->as<model::Linear>()->bias;
    CHECK(rel_l2(bias.grad(), summed(drawn[axis::tokens]).sum(0, /*keepdim=*/true)) <= 1e-5);
  }
}
