// SPDX-License-Identifier: Apache-2.0
#include "catch.h"
#include "dit/weights.h"
#include "golden.h"

using dydit::dit::DiT;
using torch::Tensor;

static DiT initialised(std::uint64_t seed) {
  DiT dit(dydit::dit::Configuration{
      .name = "", .input_size = 8, .hidden_size = 64, .depth = 2, .num_heads = 4, .num_classes = 100});
  dit->initialise(seed);
  return dit;
}

TEST_CASE("a DiT starts with the published distribution of weights") {
  const DiT dit = initialised(1);
  for (const auto& item : dit->named_parameters()) {
    const std::string& name = item.key();
    if (name == "pos_embed") continue;
    INFO(name);
    const Tensor w = item.value().detach();
    const auto contains = [&](const char* part) { return name.find(part) != name.npos; };
    if (name.ends_with("bias") || contains("adaLN_modulation") || contains("final_layer")) {
      CHECK(w.count_nonzero().item<std::int64_t>() == 0);
      continue;
    }
    const double count = static_cast<double>(w.numel()), deviation = w.std().item<double>();
    if (contains("embedding_table") || contains("t_embedder")) {
      // Five standard errors of the mean and of the deviation; the largest of a normal sample.
      CHECK(std::abs(w.mean().item<double>()) <= 5 * 0.02 / std::sqrt(count));
      CHECK(std::abs(deviation / 0.02 - 1) <= 5 / std::sqrt(2 * count));
      CHECK(w.abs().max().item<double>() > 3 * 0.02);
    } else {
      const double fan_out = static_cast<double>(w.size(0)), bound = std::sqrt(6 / (count / fan_out + fan_out));
      CHECK(w.abs().max().item<double>() <= bound * (1 + 1e-6));
      CHECK(w.abs().max().item<double>() > 0.99 * bound);
      CHECK(std::abs(w.mean().item<double>()) <= 5 * bound / std::sqrt(3 * count));
      // The square of a uniform variable has the relative deviation sqrt(4/5).
      CHECK(std::abs(3 * deviation * deviation / (bound * bound) - 1) <= 5 * std::sqrt(0.8 / count));
    }
  }
}

TEST_CASE("initial weights are a function of the seed") {
  const DiT a = initialised(1), b = initialised(1), c = initialised(2);
  for (const auto& item : a->named_parameters()) {
    INFO(item.key());
    CHECK(torch::equal(item.value(), b->named_parameters()[item.key()]));
  }
  for (const char* drawn : {"x_embedder.proj.weight", "t_embedder.mlp.0.weight", "y_embedder.embedding_table.weight",
                            "blocks.1.attn.qkv.weight"})
    CHECK_FALSE(torch::equal(a->named_parameters()[drawn], c->named_parameters()[drawn]));
  CHECK_FALSE(torch::equal(a->named_parameters()["blocks.0.attn.qkv.weight"],
                           a->named_parameters()["blocks.1.attn.qkv.weight"]));
}

TEST_CASE("an initial DiT predicts nothing") {
  DiT dit = initialised(3);
  const Tensor output = dit->forward(torch::ones({1, 4, 8, 8}), torch::tensor({500}), torch::tensor({100}));
  CHECK(output.count_nonzero().item<std::int64_t>() == 0);
}

TEST_CASE("the position embedding is the official one and stays as it is") {
  const DiT tiny =
      dydit::dit::load_dit(dydit::test::golden_folder / "tiny_train.pt", dydit::checkpoint::Weights::automatic, 4);
  // One rounding of values up to 1 to float32.
  CHECK(dydit::test::max_abs(dydit::dit::position_embedding(4, 64), tiny->pos_embed) <= 1.2e-7);
  const DiT dit = initialised(4);
  CHECK(torch::equal(dit->pos_embed, dydit::dit::position_embedding(4, 64)));
  CHECK_FALSE(dit->pos_embed.requires_grad());
}
