// SPDX-License-Identifier: Apache-2.0
// Both engines against the official code of DyDiT.
#include "golden.h"

#include "catch.h"
#include "cost/cost.h"
#include "dit/support.h"
#include "dit/weights.h"
#include "golden_weights.h"

using dydit::test::engine_named;
using dydit::test::Golden;
using dydit::test::max_abs;
using dydit::test::rel_l2;
using torch::Tensor;
namespace axis = dydit::dit::axis;
namespace dit = dydit::dit;
namespace engine = dydit::engine;

namespace {

dit::DiT official(const Golden& golden) {
  const auto& config = golden.entry.at("config");
  dit::DiT dit(golden.configuration());
  dydit::test::fill_dydit(*dit, config.at("hash_seed"));
  dydit::test::check_weights(*dit, config.at("weight_check"));
  dit->eval();
  return dit;
}

}  // namespace

TEST_CASE("a DyDiT takes the official decisions and gives the official outputs") {
  const torch::NoGradGuard no_grad;
  const std::string name = GENERATE("dydit_tiny", "dydit_s2", "dydit_old_tiny");
  const Golden golden(name);
  dit::DiT dit = official(golden);
  CHECK(dit->configuration.dynamic);
  const double tolerance = golden.entry.at("tolerance").at("fp32_rel_l2");
  const Tensor x = golden["x"], t = golden["t"], y = golden["y"];
  CHECK(rel_l2(dit->forward(x, t, y), golden["out_complete"]) <= tolerance);
  for (const char* kind : {"masked", "compact"}) {
    CAPTURE(name, kind);
    const auto engine = engine_named(kind, dit);
    const auto outcome = engine->forward({x, t, y});
    CHECK(torch::equal(outcome.masks[axis::heads], golden["attn_mask"].to(torch::kBool)));
    CHECK(torch::equal(outcome.masks[axis::channels], golden["mlp_mask"].to(torch::kBool)));
    CHECK(torch::equal(outcome.masks[axis::tokens], golden["token_mask"].to(torch::kBool)));
    CHECK(rel_l2(outcome.output, golden["out"]) <= tolerance);
    if (golden.entry.at("tolerance").contains("logits_abs")) {
      const double most = golden.entry.at("tolerance").at("logits_abs");
      CHECK(max_abs(outcome.logits[axis::heads], golden["attn_logits"]) <= most);
      CHECK(max_abs(outcome.logits[axis::channels], golden["mlp_logits"]) <= most);
      CHECK(max_abs(outcome.logits[axis::tokens], golden["token_logits"]) <= most);
    }
    if (golden.tensors.contains("cfg.1.5")) {
      const auto pass = [&](const Tensor& both) { return engine->forward({both, t, y}).output; };
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
    const auto outcome = engine_named(kind, dynamic)->forward({x, t, y});
    CHECK(outcome.masks[axis::heads].all().item<bool>());
    CHECK(outcome.masks[axis::channels].all().item<bool>());
    CHECK(outcome.masks[axis::tokens].all().item<bool>());
    CHECK(rel_l2(outcome.output, golden["out"]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
  }
}

TEST_CASE("the golden decisions of S/2 have the official ratio") {
  const Golden golden("dydit_s2");
  const auto on = [&](const char* mask) { return golden[mask].to(torch::kBool); };
  const engine::Masks masks{on("attn_mask"), on("mlp_mask"), on("token_mask")};
  const double official = golden.entry.at("config").at("dynamic_loss").at("0.5").at("activate_rate");
  const auto architecture = dit::architecture_of(dit::published("DyDiT-S/2"));
  CHECK(dydit::cost::lambda_realised(architecture, engine::activity_of(masks)) == Approx(official).epsilon(1e-12));
  const Tensor shares = engine::shares_of(masks, architecture).mean(0);  // in float32
  CHECK(shares[0].item<double>() == Approx(official).epsilon(1e-5));
}
