// SPDX-License-Identifier: Apache-2.0
#include "dit/importance.h"

#include "catch.h"
#include "distance.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace dit = dydit::dit;

namespace {

dit::DiT random_model() {
  dit::Configuration c;
  c.input_size = 8;
  c.hidden_size = 32;
  c.depth = 2;
  c.num_heads = 4;
  c.num_classes = 10;
  dit::DiT dit(c);
  torch::manual_seed(9);
  const torch::NoGradGuard no_grad;
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.3);
  return dit;
}

Tensor output_of(dit::DiT& dit) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(2);
  return dit->forward(torch::randn({3, 4, 8, 8}), torch::tensor({3, 400, 999}), torch::tensor({1, 5, 10}));
}

bool descends(const Tensor& scores) { return (scores.diff(1, 1) <= 0).all().item<bool>(); }

}  // namespace

TEST_CASE("ordered units come in descending importance, and the complete model stays what it was") {
  dit::DiT dit = random_model();
  const Tensor before = output_of(dit);
  CHECK(!descends(dit::magnitude_importance(dit).heads));
  SECTION("by magnitude") {
    dit::order_units(dit, dit::magnitude_importance(dit));
    const auto importance = dit::magnitude_importance(dit);
    CHECK(descends(importance.heads));
    CHECK(descends(importance.channels));
  }
  SECTION("by chance") { dit::order_units(dit, dit::random_importance(dit->configuration, 5)); }
  CHECK(rel_l2(output_of(dit), before) <= 1e-5);
  CHECK(!torch::equal(output_of(dit), before));
}

TEST_CASE("importance is of the weights that belong to a unit") {
  dit::DiT dit = random_model();
  {
    const torch::NoGradGuard no_grad;
    for (Tensor& parameter : dit->parameters()) parameter.zero_();
    // The second head of the first block, of 8 columns each: one weight of v, one of the projection.
    dit->block(0).attn->qkv->weight[64 + 8 + 3][5] = 2;
    dit->block(0).attn->proj->weight[7][8] = 3;
    dit->block(1).mlp->fc1->weight[17][0] = 1;
    dit->block(1).mlp->fc2->weight[0][17] = 4;
  }
  const auto magnitude = dit::magnitude_importance(dit);
  CHECK(magnitude.heads[0][1].item<float>() == 4 + 9);
  CHECK(magnitude.heads.sum().item<float>() == 4 + 9);
  CHECK(magnitude.channels[1][17].item<float>() == 1 + 16);
  CHECK(magnitude.channels.sum().item<float>() == 1 + 16);
  for (Tensor& parameter : dit->parameters()) parameter.mutable_grad() = torch::full_like(parameter, 0.5);
  CHECK(dit::taylor_importance(dit).heads[0][1].item<float>() == (4 + 9) * 0.25F);
  CHECK(dit::taylor_importance(dit).channels[1][17].item<float>() == (1 + 16) * 0.25F);
}

TEST_CASE("importance by chance is its seed's") {
  const auto c = random_model()->configuration;
  CHECK(torch::equal(dit::random_importance(c, 1).channels, dit::random_importance(c, 1).channels));
  CHECK(!torch::equal(dit::random_importance(c, 1).channels, dit::random_importance(c, 2).channels));
}
