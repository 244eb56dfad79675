// SPDX-License-Identifier: Apache-2.0
// Training toward a share of the MACs.
#include <fmt/format.h>

#include <numeric>

#include "base/error.h"
#include "catch.h"
#include "dit/engines.h"
#include "dit/weights.h"
#include "engine/engine.h"
#include "golden.h"
#include "support.h"
#include "train/baseline_masks.h"
#include "train/flops_term.h"

using namespace dydit;
using torch::Tensor;
using Json = nlohmann::ordered_json;

namespace {

dit::Configuration tiny_dynamic() {
  return dit::with_routers(dit::from_json({{"input_size", 8},
                                           {"patch_size", 2},
                                           {"in_channels", 3},
                                           {"hidden_size", 32},
                                           {"depth", 2},
                                           {"num_heads", 4},
                                           {"num_classes", 10}}));
}

train::Job dynamic_job(const train::DynamicOptions& dynamic, train::TrainOptions options = {}) {
  options.dynamic = dynamic;
  options.timestep_strata = 4;
  auto job = test::tiny_job(options);
  job.configuration = tiny_dynamic();
  return job;
}

double metric(const record::Run& run, const char* name) { return run.records.back().metrics.at(name).value; }

// What the routers of a checkpoint decide, on images unlike any that they were trained on.
engine::Masks decided_by(const std::filesystem::path& checkpoint) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(2);
  const auto engine = dit::compact_engine(dit::load_dit(checkpoint));
  const Tensor x = 30 * torch::randn({8, 3, 8, 8});
  return engine->forward({x, torch::arange(0, 1000, 125), torch::arange(8)}).masks;
}

dit::DiT random_model(const dit::Configuration& configuration, double scale) {
  dit::DiT dit(configuration);
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, scale);
  return dit;
}

}  // namespace

TEST_CASE("the term that holds training to its target has the official value and gradients") {
  const test::Golden golden("dydit_loss");
  auto c = dit::published("DyDiT-S/2");
  c.depth = golden.entry.at("config").at("depth");
  for (const double lambda : {0.5, 0.7}) {
    const std::string name = fmt::format("lam{}_min0.0w0.0", lambda);
    CAPTURE(name);
    const auto& official = golden.entry.at("config").at("values").at(name);
    const auto mask = [&](const char* of) { return golden[of].clone().set_requires_grad(true); };
    const Tensor tokens = mask("token_mask");
    const engine::Masks masks{mask("attn_mask"), mask("mlp_mask"), tokens.squeeze(3)};
    const Tensor share = engine::shares_of(masks, dit::architecture_of(c)).select(1, 0).mean();
    CHECK(share.item<double>() == Approx(official.at("activate_rate").get<double>()).epsilon(1e-9));
    const Tensor term = train::flops_term(share, lambda, train::DynamicOptions{}.flops_weight);
    CHECK(term.item<double>() == Approx(official.at("loss").get<double>()).epsilon(1e-9));
    term.backward();
    CHECK(test::rel_l2(masks[dit::axis::heads].grad(), golden["grad_attn." + name]) <= 1e-9);
    CHECK(test::rel_l2(masks[dit::axis::channels].grad(), golden["grad_mlp." + name]) <= 1e-9);
    CHECK(test::rel_l2(tokens.grad(), golden["grad_token." + name]) <= 1e-9);
  }
}

TEST_CASE("the target holds at 1, then falls to lambda") {
  const train::DynamicOptions options{.lambda = 0.5, .hold_steps = 10, .target_warmup_steps = 4};
  CHECK(train::lambda_target(options, 0) == 1);
  CHECK(train::lambda_target(options, 9) == 1);
  CHECK(train::lambda_target(options, 11) == Approx(0.75));
  CHECK(train::lambda_target(options, 13) == Approx(0.5));
  CHECK(train::lambda_target(options, 1000) == Approx(0.5));
  CHECK(train::lambda_target({.lambda = 0.3, .hold_steps = 0, .target_warmup_steps = 0}, 0) == Approx(0.3));
}

TEST_CASE("options of dynamic training are stored and read back, and what is none is refused") {
  const Json json = {{"lambda", 0.7},       {"decide", "static"},       {"skip", "widths"},    {"order", "taylor"},
                     {"hold_steps", 3},     {"target_warmup_steps", 7}, {"complete_steps", 5}, {"settle_steps", 6},
                     {"flops_weight", 1.5}, {"temperature", 2.0},       {"width_bias", 4.0},   {"token_bias", 6.0}};
  CHECK(train::dynamic_schema().to_json(train::dynamic_options_from_json(json, "dynamic")) == json);
  const auto [key, value] = GENERATE(table<std::string, Json>({{"lambda", 0},
                                                               {"lambda", 1.1},
                                                               {"decide", "me"},
                                                               {"skip", "layers"},
                                                               {"order", "size"},
                                                               {"hold_steps", -1},
                                                               {"temperature", 0},
                                                               {"width_bias", -1},
                                                               {"token_bias", 0},
                                                               {"target", 0.5}}));
  CAPTURE(key);
  CHECK_THROWS_WITH(train::dynamic_options_from_json({{key, value}}, "dynamic"), Catch::Contains("dynamic." + key));
  CHECK_THROWS_WITH(train::dynamic_options_from_json({{"decide", "static"}}, "dynamic"),
                    Catch::Contains("dynamic.skip"));
}

TEST_CASE("a target that cannot be reached is refused") {
  const auto c = tiny_dynamic();
  CHECK_NOTHROW(train::require_reachable({.lambda = 0.3}, dit::architecture_of(c)));
  CHECK_THROWS_AS(train::require_reachable({.lambda = 0.2, .skip = "widths"}, dit::architecture_of(c)),
                  UsageError);  // one of 4 units stays
  CHECK_THROWS_AS(train::require_reachable({.lambda = 0.3, .skip = "tokens"}, dit::architecture_of(c)),
                  UsageError);  // attention stays
  auto dense = c;
  dense.dynamic = false;
  CHECK_THROWS_AS(train::require_reachable({.lambda = 0.9}, dit::architecture_of(dense)), UsageError);
}

TEST_CASE("masks in the routers' place keep the share that is asked for") {
  auto c = tiny_dynamic();
  c.first_unit_always_on = GENERATE(true, false);
  std::vector<std::int64_t> images(4000), draws(4000, 3);
  std::iota(images.begin(), images.end(), 0);
  const auto share = [&](const train::DynamicOptions& options) {
    const auto masks =
        train::masks_instead_of_routers(options, dit::architecture_of(c), options.lambda, 1, images, draws);
    return engine::shares_of(masks, dit::architecture_of(c)).select(1, 0);
  };
  const std::string skip = GENERATE("both", "widths", "tokens");
  CAPTURE(skip);
  // The shares of 4,000 images lie within .1 of their mean, about.
  CHECK(share({.lambda = 0.7, .decide = "chance", .skip = skip}).mean().item<double>() == Approx(0.7).margin(0.01));
  const auto masks = train::masks_instead_of_routers({.lambda = 0.7, .decide = "chance", .skip = skip},
                                                     dit::architecture_of(c), 0.7, 1, images, draws);
  CHECK(masks[dit::axis::tokens].all().item<bool>() == (skip == "widths"));
  CHECK(masks[dit::axis::heads].all().item<bool>() == (skip == "tokens"));
  CHECK(masks[dit::axis::heads].select(2, 0).all().item<bool>() == (skip == "tokens" || c.first_unit_always_on));
  for (double lambda = 0.3; lambda <= 1; lambda += 0.05) {
    const double kept = share({.lambda = lambda, .decide = "static", .skip = "widths"}).mean().item<double>();
    CHECK(kept >= lambda - 1e-6);
    CHECK(kept <= lambda + 1.0 / (c.depth * c.num_heads));
  }
  const auto learned = train::masks_instead_of_routers({.skip = skip}, dit::architecture_of(c), 0.7, 1, images, draws);
  CHECK(learned[dit::axis::tokens].defined() == (skip == "widths"));
  CHECK(learned[dit::axis::heads].defined() == (skip == "tokens"));
}

TEST_CASE("a DyDiT of the older dialect begins open, is trained and goes on, and may switch off unit 0") {
  const test::TemporaryFolder folder;
  const std::string decide = GENERATE("routers", "chance", "static");
  CAPTURE(decide);
  auto job = dynamic_job({.lambda = 0.7, .decide = decide, .skip = "widths", .hold_steps = 1, .target_warmup_steps = 2},
                         {.steps = 4, .batch = 8, .record_every = 4, .checkpoint_every = 2, .held_out_images = 8});
  job.configuration.first_unit_always_on = false;
  CHECK_NOTHROW(train::require_reachable({.lambda = 0.01, .skip = "widths"}, dit::architecture_of(job.configuration)));
  test::train_in(folder.path() / "run", job);
  const auto last = train::checkpoint_path(folder.path() / "run", "tiny", 4);
  CHECK(dit::load_dit(last)->configuration == job.configuration);
  const auto masks = decided_by(last);
  const double kept =
      engine::shares_of(masks, dit::architecture_of(job.configuration)).select(1, 0).mean().item<double>();
  CHECK(kept == Approx(decide == "static" ? metric(record::read_run(folder.path() / "run"), "lambda_realised") : 1.0));
  std::filesystem::copy(folder.path() / "run", folder.path() / "broken", std::filesystem::copy_options::recursive);
  std::filesystem::remove(train::checkpoint_path(folder.path() / "broken", "tiny", 4));
  test::train_in(folder.path() / "broken", job);
  CHECK((test::checkpoint_bytes(folder.path() / "broken", 4) == test::checkpoint_bytes(folder.path() / "run", 4)));
}

TEST_CASE("a router whose logits are not finite ends the training with its name, in a failed record") {
  const test::TemporaryFolder folder;
  dit::DiT start = random_model(tiny_dynamic(), 0.1);
  const auto parameters = start->named_parameters();
  {
    const torch::NoGradGuard no_grad;
    parameters["blocks.1.mlp_rate.router.weight"].fill_(3e38);
    parameters["t_embedder.mlp.2.bias"].fill_(10);
  }
  auto job = dynamic_job({.lambda = 0.7}, {.steps = 4, .batch = 8, .record_every = 4, .held_out_images = 8});
  job.start = {.checkpoint = folder.path() / "start.safetensors", .hash = "start"};
  dit::save_dit(job.start.checkpoint, start, torch::kFloat32);
  CHECK_THROWS_WITH(test::train_in(folder.path() / "run", job),
                    Catch::Contains("blocks.1.mlp_rate") && Catch::Contains("tiny at step 1"));
  const auto run = record::read_run(folder.path() / "run");
  REQUIRE(run.records.size() == 1);
  CHECK(run.records[0].status == record::Status::failed);
  CHECK(run.records[0].error.find("blocks.1.mlp_rate") != std::string::npos);
  CHECK(!train::newest_checkpoint(folder.path() / "run", "tiny"));
}

TEST_CASE("training reaches its share of MACs on held-out images, and says by what") {
  const test::TemporaryFolder folder;
  const std::string skip = GENERATE("both", "widths", "tokens");
  CAPTURE(skip);
  test::train_in(folder.path() / "run", dynamic_job({.lambda = 0.6,
                                                     .skip = skip,
                                                     .hold_steps = 5,
                                                     .target_warmup_steps = 50,
                                                     .settle_steps = 100,
                                                     .width_bias = 3,
                                                     .token_bias = 3},
                                                    {.steps = 600,
                                                     .batch = 16,
                                                     .learning_rate = 4e-3,
                                                     .decay = "cosine",
                                                     .ema_decay = 0.9,
                                                     .record_every = 100,
                                                     .held_out_images = 40}));
  const auto run = record::read_run(folder.path() / "run");
  CHECK(metric(run, "lambda_target") == Approx(0.6));
  // The tokens of these images are alike: a layer takes all of them or none.
  const double margin = skip == "tokens" ? 0.1 : 0.02;
  CHECK(metric(run, "train_lambda") == Approx(0.6).margin(margin));
  CHECK(metric(run, "lambda_realised") == Approx(0.6).margin(margin));
  CHECK((metric(run, "units_on.tokens") == 1) == (skip == "widths"));
  // Whether a training that may skip both comes to skip heads is for it to say.
  if (skip == "tokens") CHECK((metric(run, "units_on.heads") == 1 && metric(run, "units_on.channels") == 1));
  CHECK(metric(run, "held_out_complete_mse") > 0);
  const auto masks = decided_by(train::checkpoint_path(folder.path() / "run", "tiny", 600));
  CHECK((skip != "tokens" ||
         (masks[dit::axis::heads].all().item<bool>() && masks[dit::axis::channels].all().item<bool>())));
  CHECK((skip != "widths" || masks[dit::axis::tokens].all().item<bool>()));
  CHECK(run.records.back().metrics.count("train_complete_mse") == 0);
  CHECK(run.records.front().metrics.at("lambda_target").value == Approx(0.6));
}

TEST_CASE("routers that are not trained let all through, also those of a checkpoint that closed something") {
  const test::TemporaryFolder folder;
  const std::string decide = GENERATE("routers", "chance"), skip = GENERATE("both", "widths", "tokens");
  const bool routed = GENERATE(false, true);
  CAPTURE(decide, skip, routed);
  train::TrainOptions options{.steps = 1, .batch = 8, .learning_rate = 1e-9, .record_every = 1};
  options.held_out_images = 8;
  auto job = dynamic_job({.lambda = 0.9, .decide = decide, .skip = skip, .width_bias = 1, .token_bias = 1}, options);
  auto configuration = tiny_dynamic();
  configuration.dynamic = routed;
  dit::DiT start = random_model(configuration, 0.3);
  job.start = {.checkpoint = folder.path() / "start.safetensors", .hash = "start"};
  dit::save_dit(job.start.checkpoint, start, torch::kFloat32);
  test::train_in(folder.path() / "run", job);
  const auto trained = train::checkpoint_path(folder.path() / "run", "tiny", 1);
  const auto masks = decided_by(trained);
  const bool widths = decide == "routers" && skip != "tokens";
  const bool tokens = decide == "routers" && skip != "widths";
  CHECK(masks[dit::axis::heads].all().item<bool>() == !widths);
  CHECK(masks[dit::axis::channels].all().item<bool>() == !widths);
  CHECK(masks[dit::axis::tokens].all().item<bool>() == !tokens);
  if (!routed) return;
  // Those that are trained go on as they are.
  const auto before = start->named_parameters(), after = dit::load_dit(trained)->named_parameters();
  const auto kept = [&](const char* router) { return test::rel_l2(after[router], before[router]) <= 1e-5; };
  CHECK(kept("blocks.1.attn_rate.router.bias") == widths);
  CHECK(kept("blocks.1.mlp_rate.router.weight") == widths);
  CHECK(kept("blocks.1.token_selection.mlp_head.2.weight") == tokens);
  CHECK(kept("blocks.1.token_selection.mlp_head.2.bias") == tokens);
}

TEST_CASE("a dynamic training that breaks off ends in the bytes of an undisturbed one") {
  const test::TemporaryFolder folder;
  const auto job =
      dynamic_job({.lambda = 0.6, .hold_steps = 1, .target_warmup_steps = 2, .complete_steps = 3, .settle_steps = 2},
                  {.steps = 6, .batch = 8, .record_every = 4, .checkpoint_every = 2, .held_out_images = 8});
  test::train_in(folder.path() / "whole", job);
  std::filesystem::copy(folder.path() / "whole", folder.path() / "broken", std::filesystem::copy_options::recursive);
  for (const std::int64_t step : {4, 6})
    std::filesystem::remove(train::checkpoint_path(folder.path() / "broken", "tiny", step));
  test::train_in(folder.path() / "broken", job);
  CHECK((test::checkpoint_bytes(folder.path() / "whole", 6) == test::checkpoint_bytes(folder.path() / "broken", 6)));
}

TEST_CASE("a static model keeps what its checkpoint's routers say") {
  const test::TemporaryFolder folder;
  const std::string order = GENERATE("random", "magnitude", "taylor");
  test::train_in(folder.path() / "run",
                 dynamic_job({.lambda = 0.7, .decide = "static", .skip = "widths", .order = order},
                             {.steps = 3, .batch = 8, .record_every = 3, .held_out_images = 8}));
  const auto run = record::read_run(folder.path() / "run");
  CHECK(metric(run, "lambda_realised") >= 0.7 - 1e-6);
  const auto masks = decided_by(train::checkpoint_path(folder.path() / "run", "tiny", 3));
  const double kept = engine::shares_of(masks, dit::architecture_of(tiny_dynamic())).select(1, 0).mean().item<double>();
  CHECK(metric(run, "lambda_realised") == Approx(kept).epsilon(1e-5));
}

TEST_CASE("a dynamic training begins from a DiT, whose complete model it starts as") {
  const test::TemporaryFolder folder;
  auto dense = tiny_dynamic();
  dense.dynamic = false;
  dit::DiT dit = random_model(dense, 0.1);
  dit::save_dit(folder.path() / "dit.safetensors", dit, torch::kFloat32);
  auto job = dynamic_job({.lambda = 0.5, .order = "magnitude", .complete_steps = 2},
                         {.steps = 1, .batch = 8, .learning_rate = 1e-9, .record_every = 1, .held_out_images = 8});
  job.start = {.checkpoint = folder.path() / "dit.safetensors", .hash = "dit"};
  test::train_in(folder.path() / "run", job);
  const auto run = record::read_run(folder.path() / "run");
  CHECK(metric(run, "lambda_realised") == 1);
  CHECK(metric(run, "train_complete_mse") == Approx(metric(run, "train_mse")).epsilon(1e-4));
  CHECK(metric(run, "held_out_complete_mse") == Approx(metric(run, "held_out_mse")).epsilon(1e-4));
  const torch::NoGradGuard no_grad;
  dit::DiT trained =
      dit::load_dit(train::checkpoint_path(folder.path() / "run", "tiny", 1), checkpoint::Weights::model);
  const Tensor x = torch::randn({2, 3, 8, 8}), t = torch::tensor({3, 700}), y = torch::tensor({1, 2});
  CHECK(test::rel_l2(trained->forward(x, t, y), dit->forward(x, t, y)) <= 1e-5);
}
