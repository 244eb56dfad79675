// SPDX-License-Identifier: Apache-2.0
// Studies of what a dynamic model has on.
#include "catch.h"
#include "model/tensors.h"
#include "support.h"

using namespace dydit;
using torch::Tensor;

namespace {

constexpr std::int64_t images = 7, tokens = 4;

}  // namespace

TEST_CASE("the activation study records the routers' decisions for each image and timestep") {
  std::vector<study::Model> models{test::dynamic_model("half")};
  test::StudyRun run;
  const auto setting = test::setting({0, 400, 999}, 3);
  test::run_study("activation", models, test::synthetic(images), setting, &run.run);
  REQUIRE(run.records("half").size() == 3);
  CHECK(run.records("half")[0].axes.at("engine") == "compact");
  const Tensor shares = run.gathered("half", "tokens"), kept = run.gathered("half", "kept");
  CHECK(shares.sizes() == torch::IntArrayRef({images, 3, 1}));
  CHECK(((shares * tokens) == (shares * tokens).round()).all().item<bool>());
  CHECK(shares.std().item<float>() > 0);
  // The first chunk again, by hand.
  const torch::NoGradGuard no_grad;
  const auto subset = test::synthetic(images);
  data::Batch batch;
  REQUIRE(data::Loader(subset, {.batch = 3}).next(batch));
  const auto chunk = study::to_chunk(*subset, batch, 0, 3, torch::kCPU);
  const auto at = study::noised(setting, chunk, *diffusion::process_of({}, true, torch::kCPU), 400);
  const auto masks = dit::masked_engine(test::dit_of(models[0]))->forward({at.x_t, at.t, chunk.labels}).masks;
  CHECK(test::distance(shares.narrow(0, 0, 3).select(1, 1), masks[dit::axis::tokens].to(torch::kFloat32).mean(2)) <=
        1e-6);
  CHECK(test::distance(kept.narrow(0, 0, 3).select(1, 1),
                       engine::shares_of(masks, models[0].network->architecture).select(1, 0)) <= 1e-6);
  const auto first = record::read_run(run.run.path()).tensors(run.records("half")[0].tensors[0]);
  CHECK(torch::equal(model::to_torch(first.at("heads"))[1], masks[dit::axis::heads][0].to(torch::kFloat32)));
  CHECK(torch::equal(model::to_torch(first.at("channels"))[1], masks[dit::axis::channels][0].to(torch::kFloat32)));
}

TEST_CASE("every study records a dynamic model that overflows as failed, with the router's name, and goes on") {
  std::vector<study::Model> models{test::dynamic_model("half"), test::dynamic_model("diverged")};
  const std::string place = GENERATE("router", "output");
  {
    const torch::NoGradGuard no_grad;
    auto& dit = *test::dit_of(models[1]);
    (place == "router" ? dit.block(0).mlp_rate->router : dit.final_layer->linear)->weight.fill_(3e38);
    dit.t_embedder->mlp[2]->as<model::Linear>()->bias.fill_(10);
  }
  const auto setting = test::setting({400, 999}, 4);
  using Study = std::function<void(record::RunDirectory*)>;
  for (const Study& study : std::vector<Study>{
           [&](auto* run) { test::run_study("activation", models, test::synthetic(images), setting, run); },
           [&](auto* run) { test::run_study("compute-map", models, test::synthetic(images), setting, run, 1); },
           [&](auto* run) { test::run_study("loss-gap", models, test::synthetic(images), setting, run); },
           [&](auto* run) { test::run_study("loss-map", models, test::synthetic(images), setting, run, 1); }}) {
    test::StudyRun run;
    study(&run.run);
    REQUIRE(run.run.records().size() == 4);
    for (const record::Record& record : run.run.records()) {
      INFO(record.study << " " << record.error);
      const bool diverged = record.axes.at("model") == "diverged";
      CHECK((record.status == record::Status::failed) == diverged);
      CHECK((record.error.find(place == "router" ? "blocks.0.mlp_rate" : "output is not finite") !=
             std::string::npos) == diverged);
    }
  }
}

TEST_CASE("the compute map is the share of blocks that work on a token, beside its loss") {
  std::vector<study::Model> models{test::dynamic_model("half")};
  test::StudyRun run, again;
  const auto setting = test::setting({400, 999}, 4);
  test::run_study("compute-map", models, test::synthetic(images), setting, &run.run, /*draws=*/1);
  const Tensor compute = run.gathered("half", "compute"), loss = run.gathered("half", "loss");
  CHECK(compute.sizes() == torch::IntArrayRef({images, 2, 2, 2}));
  CHECK(((compute == 0) | (compute == 1)).all().item<bool>());  // of one block and one draw
  CHECK((compute.mean().item<float>() > 0 && compute.mean().item<float>() < 1));
  // The mean over the tokens is the loss of a loss-gap study.
  test::StudyRun gap;
  test::run_study("loss-gap", models, test::synthetic(images), setting, &gap.run);
  CHECK(test::distance(loss.mean(c10::IntArrayRef{2, 3}), gap.gathered("half", "mse")) <= 1e-5);
  test::run_study("compute-map", models, test::synthetic(images), setting, &again.run, /*draws=*/3);
  CHECK(!torch::equal(again.gathered("half", "compute"), compute));
  CHECK(torch::equal(again.gathered("half", "image"), run.gathered("half", "image")));
}
