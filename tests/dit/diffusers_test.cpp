// SPDX-License-Identifier: Apache-2.0
#include "dit/diffusers.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "dit/weights.h"
#include "golden.h"

using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::test::golden_folder;
namespace dit = dydit::dit;
namespace model = dydit::model;
namespace checkpoint = dydit::checkpoint;
using Json = nlohmann::ordered_json;

namespace {

const std::filesystem::path folder = golden_folder / "diffusers";

checkpoint::Checkpoint single() { return checkpoint::open_checkpoint(folder / "single"); }

checkpoint::Checkpoint with_config(const std::string& key, const Json& value) {
  auto opened = single();
  Json config = Json::parse(opened.config);
  config[key] = value;
  opened.config = config.dump();
  return opened;
}

void check_refused(const checkpoint::Checkpoint& opened, const std::string& reason) {
  CAPTURE(reason);
  CHECK_THROWS_WITH(dit::from_diffusers(opened, "dit"), Contains("dit") && Contains(reason));
  CHECK_THROWS_AS(dit::from_diffusers(opened, "dit"), InputError);
}

/// False when it is refused.
bool loads(const checkpoint::Checkpoint& opened) {
  try {
    dit::from_diffusers(opened, "dit");
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

TEST_CASE("a folder of diffusers holds the official tensors, bit for bit") {
  const auto official = checkpoint::read_safetensors(folder / "official.safetensors").tensors;
  for (const char* name : {"single", "sharded", "sharded_bin", "pipeline"}) {
    CAPTURE(name);
    const auto opened = dit::open_official(folder / name, checkpoint::Weights::automatic);
    CHECK(opened.config.empty());
    CHECK(opened.tensors.size() == official.size());
    for (const auto& [key, tensor] : official) {
      CAPTURE(key);
      REQUIRE(opened.tensors.contains(key));
      const auto& ours = opened.tensors.at(key);
      CHECK((ours.type == tensor.type && ours.shape == tensor.shape));
      CHECK(std::ranges::equal(ours.bytes, tensor.bytes));
    }
    const auto c = dit::configuration_of(opened.tensors, opened.metadata, name);
    CHECK(c == dit::Configuration{
                   .name = "", .input_size = 4, .hidden_size = 4, .depth = 2, .num_heads = 2, .num_classes = 3});
  }
}

TEST_CASE("a DiT from a folder of diffusers computes what diffusers does") {
  const torch::NoGradGuard no_grad;
  const auto expected = checkpoint::read_safetensors(folder / "forward.safetensors").tensors;
  const auto read = [&](const char* name) { return model::to_torch(expected.at(name)); };
  auto dit = dit::load_dit(folder / "pipeline");
  // Weights of order 1 make outputs of 20; the widest error of a float32 sum of squares is far below this.
  CHECK(dydit::test::rel_l2(dit->forward(read("x"), read("t"), read("y")), read("out")) <= 1e-5);
}

TEST_CASE("a config.json of another model, or of other tensors, is refused with the reason") {
  const auto [key, value, reason] = GENERATE(table<const char*, Json, const char*>({
      {"_class_name", "UNet2DModel", "_class_name must be DiTTransformer2DModel or Transformer2DModel"},
      {"_class_name", 1, "_class_name must be"},
      {"norm_type", "ada_norm_single", "norm_type must be ada_norm_zero"},
      {"activation_fn", "geglu", "activation_fn must be gelu-approximate"},
      {"sample_size", 0, "sample_size must be a number"},
      {"sample_size", nullptr, "sample_size must be a number"},
      {"sample_size", 4.5, "sample_size must be a number"},
      {"sample_size", 18446744073709551615U, "sample_size must be a number"},
      {"sample_size", 8192, "far larger sample_size"},
      {"sample_size", 1'000'000, "give a whole number from 1 to 8,192"},
      {"sample_size", 5, "does not divide"},
      {"patch_size", 4, "gives patch_size = 4 where the tensors have 2"},
      {"in_channels", 8, "gives in_channels = 8 where the tensors have 4"},
      {"num_layers", 1, "leaves no place for tensor transformer_blocks.1."},
      {"num_layers", 3, "no tensor transformer_blocks.2."},
      {"num_layers", 10'000, "no tensor transformer_blocks.2."},
      {"num_layers", 1'000'000, "give a whole number from 1 to 10,000"},
      {"num_attention_heads", 4, "gives hidden_size = 8 where the tensors have 4"},
      {"num_attention_heads", 3, "needs a width divisible by 4"},
      {"num_embeds_ada_norm", 1000, "gives num_classes = 1000 where the tensors have 3"},
      {"out_channels", 4, "gives learn_sigma = false where the tensors have true"},
      {"out_channels", nullptr, "gives learn_sigma = false where the tensors have true"},
      {"out_channels", 6, "6 channels out of 4"},
  }));
  check_refused(with_config(key, value), reason);
}

TEST_CASE("tensors that are no DiT of diffusers are refused with the reason") {
  const auto changed = [](const char* name, const auto& change) {
    auto opened = single();
    change(opened.tensors, opened.tensors.at(name));
    return opened;
  };
  const char* const key = "transformer_blocks.1.attn1.to_k.weight";
  check_refused(changed(key, [&](auto& tensors, auto&) { tensors.erase(key); }), std::string("no tensor ") + key);
  check_refused(changed(key, [](auto& tensors, auto& tensor) { tensors["extra"] = tensor; }), "tensor extra");
  check_refused(changed(key, [](auto&, auto& tensor) { tensor.shape = {2, 8}; }), "differ in type or shape");
  check_refused(changed(key, [](auto&, auto& tensor) { tensor.type = checkpoint::DType::i32; }),
                "differ in type or shape");
  for (const char* part : {"timestep_embedder.linear_2.bias", "class_embedder.embedding_table.weight"}) {
    const std::string name = std::string("transformer_blocks.1.norm1.emb.") + part;
    check_refused(changed(name.c_str(),
                          [](auto&, auto& tensor) {
                            const auto copy =
                                std::make_shared<std::vector<std::byte>>(tensor.bytes.begin(), tensor.bytes.end());
                            copy->back() ^= std::byte{1};
                            tensor.bytes = *copy;
                            tensor.owner = copy;
                          }),
                  name + " differs from the copy in block 0");
  }
}

TEST_CASE("a config.json that is cut off or changed is refused or taken, and nothing else happens") {
  const auto good = single();
  REQUIRE(loads(good));
  auto changed = good;
  for (auto size = good.config.rfind('}'); size > 0; --size) {
    changed.config.resize(size);
    CHECK_FALSE(loads(changed));
  }
  dydit::Random random(1, dydit::Purpose::synthetic, 0);
  int loaded = 0;
  constexpr int mutations = 10'000;
  for (int i = 0; i < mutations; ++i) {
    changed.config = good.config;
    changed.config[random.below(good.config.size())] ^= static_cast<char>(1 + random.below(255));
    loaded += loads(changed);
  }
  CHECK((loaded > 0 && loaded < mutations));
}
