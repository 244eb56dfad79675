// SPDX-License-Identifier: Apache-2.0
#include "dit/weights.h"

#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "golden.h"
#include "golden_weights.h"
#include "temporary_folder.h"

using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::dit::DiT;
using dydit::test::golden_folder;
using torch::Tensor;
namespace dit = dydit::dit;
namespace model = dydit::model;
namespace checkpoint = dydit::checkpoint;

static DiT tiny() { return dit::load_dit(dydit::test::tiny_weights(), checkpoint::Weights::automatic, 4); }

TEST_CASE("weights that do not fit are named, every one") {
  DiT dit = tiny();
  const Tensor before = dit->final_layer->linear->weight.detach().clone();
  auto tensors = model::parameters_of(*dit);
  tensors["final_layer.linear.weight"] = model::from_torch(torch::ones_like(before));
  tensors.erase("pos_embed");
  tensors.erase("blocks.1.mlp.fc1.bias");
  tensors["blocks.0.attn.qkv.bias"] = model::from_torch(torch::zeros({3}));
  tensors["blocks.3.attn.qkv.bias"] = model::from_torch(torch::zeros({3}));
  tensors["extra"] = model::from_torch(torch::zeros({1}));
  CHECK_THROWS_AS(model::load_parameters(*dit, tensors, "a.pt"), InputError);
  CHECK_THROWS_WITH(model::load_parameters(*dit, tensors, "a.pt"),
                    Contains("a.pt") && Contains("2 missing") && Contains("pos_embed") &&
                        Contains("blocks.1.mlp.fc1.bias") && Contains("2 unexpected") && Contains("extra") &&
                        Contains("blocks.3.attn.qkv.bias") && Contains("1 wrongly shaped") &&
                        Contains("blocks.0.attn.qkv.bias is (3), not (192)"));
  CHECK(torch::equal(dit->final_layer->linear->weight, before));  // nothing was copied
}

TEST_CASE("a training file of DyDiT loads, its EMA by default and its optimizer never") {
  using checkpoint::Weights;
  const auto [weights, first] =
      GENERATE(table<Weights, int>({{Weights::automatic, 1}, {Weights::ema, 1}, {Weights::model, 0}}));
  const DiT dit = dit::load_dit(golden_folder / "checkpoint" / "dydit_train.pt", weights, 2);
  const auto& c = dit->configuration;
  CHECK((c.dynamic && c.num_heads == 2 && c.hidden_size == 16 && c.depth == 1 && c.input_size == 4));
  for (const auto& item : dit->named_parameters()) {
    INFO(item.key());
    const Tensor value = item.value().flatten();
    CHECK(torch::equal(value, torch::arange(first, first + value.numel(), torch::kFloat32)));
  }
}

TEST_CASE("parameters go out under a prefix and come back") {
  DiT dit = tiny();
  const auto tensors = model::parameters_of(*dit, "ema.");
  CHECK(tensors.size() == dit->named_parameters().size());
  CHECK(tensors.contains("ema.blocks.2.adaLN_modulation.1.weight"));
  DiT other(dit->configuration);
  model::load_parameters(*other, model::parameters_of(*dit), "memory");
  for (const auto& item : dit->named_parameters())
    CHECK(torch::equal(item.value(), other->named_parameters()[item.key()]));
}

TEST_CASE("a copy of a model has memory of its own, in float32 and in eval mode") {
  DiT dit = tiny();
  dit->to(torch::kBFloat16);
  dit->train();
  const auto copy = model::copy_of(*dit);
  CHECK_FALSE(copy->is_training());
  CHECK(copy->architecture.configuration == dit->architecture.configuration);
  const torch::NoGradGuard no_grad;
  for (auto& item : dit->named_parameters()) {
    const Tensor value = copy->named_parameters()[item.key()];
    CHECK(value.scalar_type() == torch::kFloat32);
    const Tensor before = item.value().to(torch::kFloat32);
    item.value().fill_(7);
    CHECK(torch::equal(value, before));
  }
}

TEST_CASE("a DiT saved in any type is the same when it is loaded") {
  const auto type = GENERATE(torch::kFloat32, torch::kBFloat16, torch::kFloat16);
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "dit.safetensors";
  const DiT dit = tiny();
  dit::save_dit(path, dit, type, {{"step", "7"}});
  CHECK(checkpoint::read_safetensors(path).metadata.at("step") == "7");
  const DiT loaded = dit::load_dit(path);  // the heads are in the metadata
  CHECK(loaded->configuration == dit->configuration);
  CHECK_FALSE(loaded->is_training());
  for (const auto& item : loaded->named_parameters()) {
    CHECK(item.value().scalar_type() == torch::kFloat32);
    CHECK(torch::equal(item.value(), dit->named_parameters()[item.key()].to(type).to(torch::kFloat32)));
  }
  const DiT narrow = dit::load_dit(path, checkpoint::Weights::automatic, {}, torch::kCPU, type);
  for (const auto& item : narrow->named_parameters())
    CHECK(torch::equal(item.value(), dit->named_parameters()[item.key()].to(type)));
}

TEST_CASE("a DyDiT of the older dialect is the same when it is loaded, with its configuration and without") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "old.safetensors", bare = folder.path() / "bare.safetensors";
  auto c = dit::with_routers(tiny()->configuration);
  c.first_unit_always_on = false;
  DiT dit(c);
  dit->initialise(3);
  const Tensor router = dit->block(1).mlp_rate->router->weight;
  CHECK(router.sizes() == torch::IntArrayRef({4, 64}));
  dit::save_dit(path, dit, torch::kFloat32);
  checkpoint::write_safetensors(bare, model::parameters_of(*dit));
  for (const DiT& loaded : {dit::load_dit(path), dit::load_dit(bare)}) {
    CHECK(loaded->configuration == c);
    CHECK(torch::equal(loaded->block(1).mlp_rate->router->weight, router));
    CHECK(dit::with_open_routers(loaded)->configuration == c);
  }
}

TEST_CASE("weights that are not finite are refused by the tensor's name, whatever type they are stored in") {
  const auto type = GENERATE(torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16);
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "diverged.safetensors";
  DiT dit(dit::with_routers(tiny()->configuration));
  dit->initialise(3);
  const auto write = [&](const std::map<std::string, double>& spoilt) {
    checkpoint::Tensors tensors;
    for (const auto& item : dit->named_parameters()) {
      Tensor value = item.value().detach().to(type, false, /*copy=*/true);
      if (const auto found = spoilt.find(item.key()); found != spoilt.end())
        value.view(-1)[value.numel() - 1] = found->second;
      tensors[item.key()] = model::from_torch(value);
    }
    checkpoint::write_safetensors(path, tensors);
  };
  const double nan = NAN, infinity = INFINITY;
  for (const auto& [name, value] : {std::pair{"blocks.1.token_selection.mlp_head.0.weight", nan},
                                    {"blocks.2.attn.qkv.bias", infinity},
                                    {"x_embedder.proj.weight", nan},
                                    {"blocks.0.attn_rate.router.bias", -infinity},
                                    {"y_embedder.embedding_table.weight", infinity},
                                    {"pos_embed", nan},
                                    {"final_layer.linear.weight", -infinity}}) {
    write({{name, value}});
    CHECK_THROWS_AS(dit::load_dit(path), InputError);
    CHECK_THROWS_WITH(
        dit::load_dit(path),
        Contains("not finite as float32: " + path.string() + ": " + name + " holds") && !Contains("more"));
  }
  write({{"pos_embed", nan}, {"blocks.2.attn.qkv.bias", infinity}, {"blocks.0.mlp.fc1.weight", infinity}});
  CHECK_THROWS_WITH(dit::load_dit(path), Contains("as 2 more do"));
  // Large ones are no fault, also where their sum is beyond the type.
  dit->block(0).mlp->fc1->weight.data().fill_(type == torch::kFloat16 ? 6e4 : 3e38);
  write({});
  CHECK(dit::load_dit(path)->configuration == dit->configuration);
  if (type == torch::kFloat16) return;
  CHECK_THROWS_WITH(dit::load_dit(path, checkpoint::Weights::automatic, {}, torch::kCPU, torch::kFloat16),
                    Contains("not finite as float16") && Contains("blocks.0.mlp.fc1.weight"));
  CHECK_THROWS_AS(dit::save_dit(path, dit, torch::kFloat16), dydit::RunError);
}

TEST_CASE("where the average alone has diverged, it alone is refused") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "training.safetensors";
  const DiT dit = tiny();
  checkpoint::Tensors tensors = model::parameters_of(*dit, "model.");
  tensors.merge(model::parameters_of(*dit, "ema."));
  tensors["ema.blocks.0.attn.qkv.bias"] = model::from_torch(torch::full({192}, NAN));
  checkpoint::write_safetensors(path, tensors);
  CHECK_THROWS_WITH(dit::load_dit(path, checkpoint::Weights::automatic, 4), Contains("blocks.0.attn.qkv.bias"));
  CHECK_NOTHROW(dit::load_dit(path, checkpoint::Weights::model, 4));
}

TEST_CASE("a file whose shapes disagree with each other is refused") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "dit.safetensors";
  const auto broken = [&](const char* name, std::vector<std::int64_t> shape) {
    auto tensors = model::parameters_of(*tiny());
    tensors[name] = model::from_torch(torch::zeros(shape));
    checkpoint::write_safetensors(path, tensors);
    CHECK_THROWS_AS(dit::load_dit(path, checkpoint::Weights::automatic, 4), InputError);
  };
  broken("pos_embed", {1, 15, 64});
  broken("x_embedder.proj.weight", {64, 4, 2, 3});
  broken("final_layer.linear.weight", {12, 64});
  broken("blocks.2.mlp.fc1.weight", {128, 64});
}

TEST_CASE("a configuration that claims far more than the file holds is refused before it is built") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "claims.safetensors";
  auto claimed = tiny()->configuration;
  claimed.depth = 900'000;
  claimed.hidden_size = 400'000;
  checkpoint::write_safetensors(path, model::parameters_of(*tiny()),
                                {{dit::configuration_key, dit::to_json(claimed).dump()}});
  CHECK_THROWS_WITH(dit::load_dit(path), Contains("claims"));
  CHECK_THROWS_AS(dit::load_dit(path), InputError);
}
