// SPDX-License-Identifier: Apache-2.0
// The reference model against the official code.
#include <fmt/format.h>

#include "catch.h"
#include "dit/weights.h"
#include "golden.h"
#include "golden_weights.h"
#include "model/fused.h"

using dydit::checkpoint::Weights;
using dydit::dit::DiT;
using dydit::test::check_close;
using dydit::test::Golden;
using dydit::test::golden_folder;
using dydit::test::rel_l2;
using dydit::test::tiny_weights;
using torch::Tensor;
namespace dit = dydit::dit;
namespace model = dydit::model;

static DiT by_formula(const Golden& golden) {
  DiT dit(golden.configuration());
  dydit::test::fill_plain(*dit);
  dydit::test::check_weights(*dit, golden.entry.at("config").at("weight_check"));
  return dit;
}

static Tensor guided(DiT& dit, const Tensor& x, const Tensor& t, const Tensor& y, double scale) {
  return dit::guided(x, scale, [&](const Tensor& both) { return dit->forward(both, t, y); });
}

// Plain and guided outputs at every scale of the case, by one thread and shared by two.
static void check_outputs(DiT& dit, const Golden& golden) {
  const torch::NoGradGuard no_grad;
  const int threads = at::get_num_threads();
  for (const int shared_by : {1, 2}) {
    INFO(shared_by << " threads");
    at::set_num_threads(shared_by);
    check_close(dit->forward(golden["x"], golden["t"], golden["y"]), golden, "out");
    for (const double scale : golden.entry.at("config").at("cfg_scales"))
      check_close(guided(dit, golden["x_cfg"], golden["t_cfg"], golden["y_cfg"], scale), golden,
                  fmt::format("cfg.{:.1f}", scale));
  }
  at::set_num_threads(threads);
}

TEST_CASE("a DiT with weights by formula gives the official outputs") {
  const Golden golden(GENERATE("dit_tiny", "dit_s2"));
  DiT dit = by_formula(golden);
  check_outputs(dit, golden);
}

TEST_CASE("a DiT read from a file gives the official outputs") {
  const auto [file, weights, name] = GENERATE(table<std::filesystem::path, Weights, const char*>(
      {{tiny_weights(), Weights::automatic, "dit_tiny"},
       {golden_folder / "tiny_train.pt", Weights::automatic, "dit_tiny_train_ema"},
       {golden_folder / "tiny_train.pt", Weights::ema, "dit_tiny_train_ema"},
       {golden_folder / "tiny_train.pt", Weights::model, "dit_tiny_train_model"}}));
  INFO(file);
  const Golden golden(name);
  DiT dit = dit::load_dit(file, weights, 4);
  dydit::test::check_weights(*dit, golden.entry.at("config").at("weight_check"));
  check_outputs(dit, golden);
}

TEST_CASE("the activations inside a DiT are the official ones") {
  const torch::NoGradGuard no_grad;
  const Golden golden("dit_tiny");
  DiT dit = by_formula(golden);
  // Some are larger than the output, so the advised absolute tolerance is not theirs.
  const auto near = [&](const Tensor& actual, const std::string& name) {
    INFO(name);
    CHECK(rel_l2(actual, golden[name]) <= golden.entry.at("tolerance").at("fp32_rel_l2"));
  };
  const Tensor patches = dit->x_embedder(golden["x"]);
  const Tensor time = dit->t_embedder(golden["t"]), label = dit->y_embedder(golden["y"]);
  near(patches, "tap.x_embedder");
  near(time, "tap.t_embedder");
  near(label, "tap.y_embedder");

  Tensor tokens = patches + dit->pos_embed;
  auto* first = dit->blocks[0]->as<dit::Block>();
  const dit::Conditioning conditioning = dit->condition(time, golden["y"]);
  const Tensor& adaln = conditioning.blocks[0];
  near(adaln, "tap.block0_adaln");
  const auto shift_scale = adaln.chunk(6, 1);
  near(first->attn(model::modulated_norm(tokens, shift_scale[0], shift_scale[1])), "tap.block0_attn");
  for (std::size_t i = 0; i < dit->blocks->size(); ++i) {
    tokens = dit->block(i).forward(tokens, conditioning.of_block(i));
    near(tokens, fmt::format("tap.block{}", i));
  }
  near(dit->final_layer(tokens, conditioning.final_layer), "tap.final_layer");
}

TEST_CASE("guidance ignores the second half of x and leaves the variance unguided") {
  const torch::NoGradGuard no_grad;
  const Golden golden("dit_tiny");
  DiT dit = by_formula(golden);
  Tensor x = golden["x_cfg"];
  const Tensor t = golden["t_cfg"], y = golden["y_cfg"];
  const Tensor mixed = guided(dit, x, t, y, 4);
  x.narrow(0, 2, 2).fill_(1e3);
  CHECK(torch::equal(guided(dit, x, t, y, 4), mixed));
  const Tensor half = x.narrow(0, 0, 2);
  const Tensor plain = dit->forward(torch::cat({half, half}), t, y);
  CHECK(torch::equal(mixed.narrow(1, 3, 5), plain.narrow(1, 3, 5)));
  CHECK(torch::equal(mixed.narrow(0, 0, 2).narrow(1, 0, 3), mixed.narrow(0, 2, 2).narrow(1, 0, 3)));
  CHECK_FALSE(torch::equal(mixed.narrow(1, 0, 3), plain.narrow(1, 0, 3)));
}

TEST_CASE("a DiT in a half type is near float32") {
  const torch::NoGradGuard no_grad;
  // Rounding the weights alone to bfloat16 moves this case by 9e-3; the activations are rounded at every
  // operation, for which three times as much is added. float16 has three bits more.
  const auto [type, tolerance] =
      GENERATE(table<torch::Dtype, double>({{torch::kBFloat16, 4 * 9e-3}, {torch::kFloat16, 4 * 9e-3 / 8}}));
  const Golden golden("dit_tiny");
  DiT dit = dit::load_dit(tiny_weights(), Weights::automatic, 4, torch::kCPU, type);
  const Tensor output = dit->forward(golden["x"], golden["t"], golden["y"]);
  CHECK(output.scalar_type() == type);
  CHECK(rel_l2(output, golden["out"]) <= tolerance);
  CHECK(rel_l2(output, golden["out"]) > golden.entry.at("tolerance").at("fp32_rel_l2"));
}
