// SPDX-License-Identifier: Apache-2.0
// Both engines against the official code of DyDiT.
#include "catch.h"
#include "engine/engine.h"
#include "golden.h"
#include "golden_weights.h"
#include "dit/weights.h"

using dydit::test::Golden;
using dydit::test::max_abs;
using dydit::test::rel_l2;
using torch::Tensor;
namespace engine = dydit::engine;
namespace model = dydit::model;

namespace {

dit::DiT official(const Golden& golden) {
  const auto& config = golden.entry.at("config");
  if (config.contains("weights"))
    return dit::load_dit(dydit::test::golden_folder / config.at("weights").get<std::string>());
  dit::DiT dit(golden.configuration());
  dydit::test::fill_dydit(*dit, config.at("hash_seed"));
  dydit::test::check_weights(*dit, config.at("weight_check"));
  dit->eval();
  return dit;
}

}  // namespace

TEST_CASE("a DyDiT takes the official decisions and gives the official outputs") {
  const torch::NoGradGuard no_grad;
  const std::string name = GENERATE("dydit_tiny", "dydit_tiny_random", "dydit_s2", "dydit_old_tiny", "dydit_old_random");
  const Golden golden(name);
  dit::DiT dit = official(golden);
  CHECK(dit->configuration.dynamic);
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const Tensor x = golden["x"], t = golden["t"], y = golden["y"];
  CHECK(rel_l2(dit->forward(x, t, y), golden["out_complete"]) <= tolerance);
  for (const char* kind : {"masked", "compact"}) {
    CAPTURE(name, kind);
    const auto engine = engine::engine_named(kind, dit);
    const auto outcome = engine->forward(x, t, y);
    CHECK(torch::equal(outcome.masks.heads, golden["attn_mask"].to(torch::kBool)));
    CHECK(torch::equal(outcome.masks.channels, golden["mlp_mask"].to(torch::kBool)));
    CHECK(torch::equal(outcome.masks.tokens, golden["token_mask"].to(torch::kBool)));
    CHECK(rel_l2(outcome.output, golden["out"]) <= tolerance);
    if (golden.entry.at("tolerance").contains("logits_abs")) {
      const double most = golden.entry.at("tolerance").at("logits_abs");
      CHECK(max_abs(outcome.logits.heads, golden["attn_logits"]) <= most);
      CHECK(max_abs(outcome.logits.channels, golden["mlp_logits"]) <= most);
      CHECK(max_abs(outcome.logits.tokens, golden["token_logits"]) <= most);
    }
    if (golden.tensors.contains("cfg.1.5")) {
      const auto pass = [&](const Tensor& both) { return engine->forward(both, t, y).output; };
      CHECK(rel_l2(dit::guided(x, 1.5, pass), golden["cfg.1.5"]) <= tolerance);
    }
  }
}

TEST_CASE("the golden case of the older dialect has blocks without a head, without a group, and unit 0 off") {
  const Golden golden("dydit_old_tiny");
  for (const char* name : {"attn_mask", "mlp_mask"}) {
    const Tensor mask = golden[name].to(torch::kBool);
    CHECK(!mask.any(2).all().item<bool>());
    CHECK(!mask.select(2, 0).all().item<bool>());
  }
}

TEST_CASE("a DiT becomes a DyDiT whose routers let all through") {
  const torch::NoGradGuard no_grad;
  const Golden golden("dit_tiny");
  dit::DiT dit(golden.configuration());
  dydit::test::fill_plain(*dit);
  dit->eval();
  dit::DiT dynamic = dit::with_open_routers(dit);
  const Tensor x = golden["x"], t = golden["t"], y = golden["y"];
  CHECK(torch::equal(dynamic->forward(x, t, y), dit->forward(x, t, y)));
  for (const char* kind : {"masked", "compact"}) {
    const auto outcome = engine::engine_named(kind, dynamic)->forward(x, t, y);
    CHECK(outcome.masks.heads.all().item<bool>());
    CHECK(outcome.masks.channels.all().item<bool>());
    CHECK(outcome.masks.tokens.all().item<bool>());
    CHECK(rel_l2(outcome.output, golden["out"]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
  }
}

TEST_CASE("the golden decisions of S/2 have the official ratio") {
  const Golden golden("dydit_s2");
  const auto on = [&](const char* mask) { return golden[mask].to(torch::kBool); };
  const auto activity = engine::activity_of({on("attn_mask"), on("mlp_mask"), on("token_mask")});
  const double official = golden.entry.at("config").at("dynamic_loss").at("0.5").at("activate_rate");
  CHECK(dydit::cost::lambda_realised(dit::published("DyDiT-S/2"), activity) == Approx(official).epsilon(1e-12));
}

TEST_CASE("what is on is counted by layer and averaged over the images") {
  const auto mask = [](const std::vector<int>& on) { return torch::tensor(on).view({2, 2, -1}).to(torch::kBool); };
  const Tensor heads = mask({1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0});
  const Tensor channels = mask({1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1});
  const Tensor tokens = mask({1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1});
  const auto layers = engine::activity_of({heads, channels, tokens}).layers;
  REQUIRE(layers.size() == 2);
  const auto is = [](const auto& layer, double h, double g, double t, double gt) {
    return layer.heads == h && layer.groups == g && layer.tokens == t && layer.group_tokens == gt;
  };
  CHECK(is(layers[0], 1.5, 2, 2, (1 * 3 + 3 * 1) / 2.0));
  CHECK(is(layers[1], 2, 2, 2, (2 * 0 + 2 * 4) / 2.0));
}
