// SPDX-License-Identifier: Apache-2.0
#include "run/decisions.h"

#include "base/error.h"
#include "catch.h"
#include "cost/cost.h"
#include "data/views.h"
#include "diffusion/draws.h"
#include "diffusion/gaussian.h"
#include "dit/engines.h"
#include "support.h"

using namespace dydit;
using torch::Tensor;

namespace {

// Two blocks of two heads on made up images of 3x8x8, four tokens, weights alike at random.
dit::DiT tiny_dydit() {
  Json configuration = test::tiny_configuration();
  configuration["depth"] = 2;
  configuration["dynamic"] = true;
  dit::DiT dit(dit::from_json(configuration));
  torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.3);
  dit->eval();
  return dit;
}

run::Decisions decisions(const dit::DiT& dit, std::int64_t images, std::int64_t timesteps) {
  const test::TemporaryFolder folder;
  const std::string file = folder.path() / "dydit.safetensors";
  dit::save_dit(file, dit, torch::kFloat32);
  return run::decisions_of({.name = "tiny", .checkpoint = file}, {.path = "synthetic:40", .size = 8}, images, timesteps,
                           /*seed=*/5, std::nullopt, test::settings(""));
}

}  // namespace

TEST_CASE("routers that follow their biases alone decide what these say") {
  dit::DiT dit = tiny_dydit();
  torch::NoGradGuard no_grad;
  const auto say = [&](std::size_t layer, double head, double group, double token) {
    dit::BlockImpl& block = dit->block(layer);
    auto& last = *block.token_selection->mlp_head[2]->as<model::Linear>();
    for (auto* linear : {&*block.attn_rate->router, &*block.mlp_rate->router, &last}) linear->weight.zero_();
    block.attn_rate->router->bias.fill_(head);
    block.mlp_rate->router->bias.fill_(group);
    last.bias.fill_(token);
  };
  say(0, -1, 1, 1);
  say(1, 1, -1, -1);
  const auto found = decisions(dit, 33, 3);
  CHECK((found.images == 33 && found.timesteps == 3));
  using Layers = std::vector<double>;
  const auto& [on, both, ran] = found.activity;
  CHECK(ran.empty());
  CHECK((on[dit::axis::heads] == Layers{1, 2} && on[dit::axis::channels] == Layers{2, 1} &&
         on[dit::axis::tokens] == Layers{4, 0}));
  CHECK(both[dit::axis::channels][dit::axis::tokens] == Layers{8, 0});
  // Of two blocks of 4 T D^2 + 2 T^2 D and 8 T D^2 half the one and all of the other's attention, and one
  // MLP.
  const double attention = 4 * 4 * 256 + 2 * 16 * 16, mlp = 8 * 4 * 256;
  CHECK(cost::lambda_realised(dit->architecture, found.activity) ==
        Approx((1.5 * attention + mlp) / (2 * (attention + mlp))));
}

TEST_CASE("decisions are those on the noised images of a loss-gap study, by the published semantics") {
  const dit::DiT dit = tiny_dydit();
  const auto found = decisions(dit, 36, 4);
  // The same, image by image.
  const data::Subset subset(data::open_dataset("synthetic:40", {.size = 8}, 5), 36);
  const auto engine = dit::masked_engine(dit);
  const diffusion::GaussianDiffusion diffusion(
      diffusion::Tables(diffusion::betas(diffusion::NoiseSchedule::linear, 1000)), diffusion::Variance::learned_range);
  torch::InferenceMode inference;
  std::vector<engine::Masks> all;
  for (std::int64_t i = 0; i < subset.size(); ++i)
    for (const std::int64_t timestep : diffusion::even_timesteps(1000, 4)) {
      const std::vector<std::int64_t> index{subset.original(i)}, draw{timestep};
      Tensor image = torch::empty({1, 3, 8, 8});
      subset.read(i, false, {image.data_ptr<float>(), 192});
      const Tensor t = torch::tensor({timestep}), y = torch::tensor({subset.label(i)});
      const Tensor noise = diffusion::normal_rows(5, Purpose::noise, index, draw, {3, 8, 8});
      all.push_back(engine->forward({diffusion.q_sample(image, t, noise), t, y}).masks);
    }
  const auto expected = engine::activity_of(engine::concatenated(all));
  bool some = false;
  for (std::size_t layer = 0; layer < 2; ++layer) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      CHECK(found.activity.on[axis][layer] == Approx(expected.on[axis][layer]));
      for (std::size_t other = 0; other < 3; ++other)
        CHECK(found.activity.both[axis][other][layer] == Approx(expected.both[axis][other][layer]));
    }
    const double tokens = expected.on[dit::axis::tokens][layer];
    some = some || (tokens > 0.1 && tokens < 3.9);
  }
  CHECK(some);  // the decisions are not all alike
}

TEST_CASE("logits that are not finite are no decisions") {
  dit::DiT dit = tiny_dydit();
  {
    const torch::NoGradGuard no_grad;
    dit->block(1).attn_rate->router->weight.fill_(-3e38);
    dit->t_embedder->mlp[2]->as<model::Linear>()->bias.fill_(10);
  }
  CHECK_THROWS_AS(decisions(dit, 4, 2), RunError);
  CHECK_THROWS_WITH(decisions(dit, 4, 2), Catch::Contains("blocks.1.attn_rate"));
}

TEST_CASE("no decisions without routers, nor on data of another shape") {
  dit::DiT dense(dit::from_json(test::tiny_configuration()));
  dense->initialise(1);
  CHECK_THROWS_AS(decisions(dense, 4, 1), UsageError);
  dit::DiT other(dit::from_json({{"input_size", 8},
                                 {"patch_size", 4},
                                 {"in_channels", 4},
                                 {"hidden_size", 16},
                                 {"depth", 1},
                                 {"num_heads", 2},
                                 {"num_classes", 10},
                                 {"dynamic", true}}));
  other->initialise(1);
  CHECK_THROWS_WITH(decisions(other, 4, 1), Catch::Contains("do not fit"));
}
