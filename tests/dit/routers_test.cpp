// SPDX-License-Identifier: Apache-2.0
#include "dit/routers.h"

#include "catch.h"
#include "dit/engines.h"

using namespace dydit;
using model::Scope;
using torch::Tensor;

namespace {

constexpr std::int64_t heads = 4, depth = 2;

dit::DiT random_model(bool first_unit_always_on = true) {
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
  return dit;
}

engine::Masks decisions(const dit::DiT& dit) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  return dit::masked_engine(dit)
      ->forward({torch::randn({3, 4, 8, 8}), torch::tensor({3, 400, 999}), torch::tensor({1, 5, 10})})
      .masks;
}

bool all_on(const Tensor& mask) { return mask.all().item<bool>(); }

}  // namespace

TEST_CASE("opened routers let all of their scope through, and decide as before about the rest") {
  dit::DiT dit = random_model();
  const auto before = decisions(dit);
  for (const Tensor& mask : before) REQUIRE(!all_on(mask));
  SECTION("over widths") {
    dit::open_routers(dit, Scope::timestep, 10);
    const auto after = decisions(dit);
    CHECK((all_on(after[dit::axis::heads]) && all_on(after[dit::axis::channels]) && !all_on(after[dit::axis::tokens])));
  }
  SECTION("over tokens") {
    dit::open_routers(dit, Scope::token, 10);
    const auto after = decisions(dit);
    CHECK(all_on(after[dit::axis::tokens]));
    CHECK(torch::equal(after[dit::axis::heads], before[dit::axis::heads]));
  }
}

TEST_CASE("a bias is that of the routers' last layers") {
  dit::DiT dit = random_model();
  const Tensor weight = dit->block(1).attn_rate->router->weight.detach().clone();
  dit::bias_routers(dit, Scope::timestep, 7);
  const auto& last = *dit->block(1).token_selection->mlp_head[2]->as<model::Linear>();
  CHECK((dit->block(1).attn_rate->router->bias == 7).all().item<bool>());
  CHECK((dit->block(0).mlp_rate->router->bias == 7).all().item<bool>());
  CHECK((last.bias != 7).all().item<bool>());
  dit::bias_routers(dit, Scope::token, -7);
  CHECK((last.bias == -7).all().item<bool>());
  CHECK(torch::equal(dit->block(1).attn_rate->router->weight, weight));
}

TEST_CASE("closed routers keep the first units of each layer, in both dialects") {
  const bool first_unit_always_on = GENERATE(true, false);
  dit::DiT dit = random_model(first_unit_always_on);
  const std::vector<std::vector<std::int64_t>> counts{{1, 3}, {2, 4}};
  dit::open_routers(dit, Scope::timestep, 10);
  dit::close_routers(dit, counts, 10);
  const auto masks = decisions(dit);
  for (const std::size_t axis : {dit::axis::heads, dit::axis::channels})
    for (std::size_t layer = 0; layer < depth; ++layer) {
      const Tensor expected = (torch::arange(heads) < counts[axis][layer]).expand({3, heads});
      CHECK(torch::equal(masks[axis].select(1, static_cast<std::int64_t>(layer)), expected));
    }
}

TEST_CASE("frozen routers get no gradient, and nothing else is frozen") {
  const Scope scope = GENERATE(Scope::timestep, Scope::token);
  dit::DiT dit = random_model();
  dit::freeze_routers(dit, scope);
  for (const auto& item : dit->named_parameters()) {
    CAPTURE(item.key());
    const bool frozen = item.key().find(scope == Scope::timestep ? "_rate." : "token_selection.") != item.key().npos;
    CHECK(item.value().requires_grad() == (!frozen && item.key() != "pos_embed"));
  }
}
