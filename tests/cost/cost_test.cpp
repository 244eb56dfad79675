// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "cost/cost.h"
#include "dit/dit.h"
#include "test_folder.h"

using dydit::dit::architecture_of;
using dydit::dit::Configuration;
using dydit::dit::published;
namespace axis = dydit::dit::axis;
namespace model = dydit::model;

// The MACs of a part with all that it has: "mlp" is "mlp.fc1" and "mlp.fc2".
static double macs_of_part(const model::Architecture& architecture, const std::string& name) {
  double macs = 0;
  for (const model::Part& part : architecture.parts(model::complete(architecture.units)))
    if (part.name == name || part.name.starts_with(name + ".")) macs += part.macs;
  return macs;
}

TEST_CASE("S/2 and B/2 cost what the official code counts") {
  const auto counts = nlohmann::json::parse(dydit::read_file(dydit::test::test_folder() / "golden/counts.json"));
  for (const char* name : {"DiT-S/2", "DiT-B/2", "DyDiT-S/2", "DyDiT-B/2"}) {
    const auto architecture = architecture_of(published(name));
    CHECK(architecture.parameters == counts.at(name).at("params_total"));
    CHECK(architecture.trainable == counts.at(name).at("params_trainable"));
    CHECK(dydit::cost::macs_of(architecture) == counts.at(name).at("forward_macs_matmul_only"));
  }
}

TEST_CASE("routers cost what the official code counts, and published configurations of DyDiT are the same size") {
  CHECK(architecture_of(published("DyDiT-XL/2")).parameters - architecture_of(published("DiT-XL/2")).parameters ==
        Approx(3.30e6).epsilon(2e-3));
}

TEST_CASE("the ratio of the released code") {
  // A block of attention and a block of MLP, in GMACs, as the released training has them.
  const auto [name, attention, mlp] =
      GENERATE(table<const char*, double, double>({{"DyDiT-S/2", 0.201326592, 0.301989888},
                                                   {"DyDiT-B/2", 0.704643072, 1.207959552},
                                                   {"DyDiT-XL/2", 1.50994944, 2.717908992}}));
  const auto c = published(name);
  const auto architecture = architecture_of(c);
  auto on = model::complete(architecture.units).on;
  CHECK(dydit::cost::lambda_realised(architecture, model::Activity::of_one(on)) == Approx(1));
  CHECK(dydit::cost::rho(architecture, model::Activity::of_one(on)).without_routers == Approx(1));
  double expected = 0;
  dydit::Random random(3, dydit::Purpose::synthetic, 0);
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(c.depth); ++layer) {
    on[axis::heads][layer] = 1 + static_cast<double>(random.below(static_cast<std::uint64_t>(c.num_heads)));
    on[axis::channels][layer] = 1 + static_cast<double>(random.below(static_cast<std::uint64_t>(c.num_heads)));
    on[axis::tokens][layer] = static_cast<double>(random.below(static_cast<std::uint64_t>(c.tokens()) + 1));
    const auto heads = static_cast<double>(c.num_heads), tokens = static_cast<double>(c.tokens());
    expected += on[axis::heads][layer] / heads * attention +
                on[axis::channels][layer] / heads * (on[axis::tokens][layer] / tokens) * mlp;
  }
  const auto activity = model::Activity::of_one(on);
  CHECK(dydit::cost::lambda_realised(architecture, activity) ==
        Approx(expected / (static_cast<double>(c.depth) * (attention + mlp))));
  const auto rho = dydit::cost::rho(architecture, activity);
  CHECK(rho.with_routers > rho.without_routers);
  CHECK(rho.without_routers > dydit::cost::lambda_realised(architecture, activity));  // what cannot be skipped
}

TEST_CASE("the published family has the official numbers of parameters") {
  const std::map<std::string, std::int64_t> official{
      {"DiT-S/2", 32'963'360},  {"DiT-S/4", 32'945'024},   {"DiT-S/8", 33'148'160},   {"DiT-B/2", 130'512'416},
      {"DiT-B/4", 130'475'648}, {"DiT-B/8", 130'881'536},  {"DiT-L/2", 458'102'816},  {"DiT-L/4", 458'053'760},
      {"DiT-L/8", 458'594'816}, {"DiT-XL/2", 675'129'632}, {"DiT-XL/4", 675'074'432}, {"DiT-XL/8", 675'683'072}};
  for (const std::string& name : dydit::dit::published_names()) {
    INFO(name);
    CHECK(architecture_of(published(name)).parameters == official.at(name));
  }
}

TEST_CASE("the published family has the published GMACs") {
  const std::map<std::string, double> table{{"DiT-S/2", 6.06},    {"DiT-S/4", 1.41},   {"DiT-S/8", 0.36},
                                            {"DiT-B/2", 23.01},   {"DiT-B/4", 5.56},   {"DiT-B/8", 1.42},
                                            {"DiT-L/2", 80.71},   {"DiT-L/4", 19.70},  {"DiT-L/8", 5.01},
                                            {"DiT-XL/2", 118.64}, {"DiT-XL/4", 29.05}, {"DiT-XL/8", 7.39}};
  const auto agrees = [](const Configuration& c, double printed) {
    const double giga = dydit::cost::macs_of(architecture_of(c)) * 1e-9;
    INFO(c.name << ": " << giga << ", printed " << printed);
    CHECK(std::abs(giga - printed) <= std::max(0.005, 0.005 * printed));
  };
  for (const std::string& name : dydit::dit::published_names()) agrees(published(name), table.at(name));
  Configuration large = published("DiT-XL/2");
  large.input_size = 64;
  agrees(large, 524.60);
}

// From the modules: a linear multiplies each weight once for every token it sees.
static std::map<std::string, double> counted(dydit::dit::DiT& dit) {
  const auto tokens = dit->configuration.tokens();
  std::map<std::string, double> macs;
  for (const auto& item : dit->named_parameters()) {
    const std::string& name = item.key();
    const auto size = item.value().numel();
    const auto contains = [&](const char* part) { return name.find(part) != name.npos; };
    if (!name.ends_with("weight") || contains("embedding_table")) continue;
    if (contains("x_embedder"))
      macs["patch"] += static_cast<double>(size * tokens);
    else if (contains("t_embedder"))
      macs["conditioning"] += static_cast<double>(size);
    else if (contains("final_layer"))
      macs["final"] += static_cast<double>(contains("adaLN") ? size : size * tokens);
    else if (contains("adaLN"))
      macs["adaln"] += static_cast<double>(size);
    else if (contains("_rate."))
      macs["routers"] += static_cast<double>(size);
    else if (contains("token_selection"))
      macs["routers"] += static_cast<double>(size * tokens);
    else
      macs[contains(".attn.") ? "attention" : "mlp"] += static_cast<double>(size * tokens);
  }
  const auto& c = dit->configuration;
  const auto products = 2 * c.num_heads * tokens * tokens * (c.hidden_size / c.num_heads);
  macs["attention"] += static_cast<double>(c.depth * products);
  return macs;
}

TEST_CASE("parameters and MACs are those of the modules, for any configuration") {
  dydit::Random random(17, dydit::Purpose::synthetic, 0);
  const auto one_to = [&](std::uint64_t bound) { return static_cast<std::int64_t>(random.below(bound) + 1); };
  for (int i = 0; i < 30; ++i) {
    Configuration c;
    c.patch_size = one_to(4);
    c.input_size = c.patch_size * one_to(6);
    c.in_channels = one_to(4);
    c.num_heads = one_to(4);
    c.hidden_size = 4 * c.num_heads * one_to(5);
    c.depth = one_to(3);
    c.mlp_ratio = static_cast<double>(one_to(16)) / 4;
    c.num_classes = one_to(20);
    c.learn_sigma = random.below(2) == 1;
    c.dynamic = c.num_heads > 1 && c.hidden_size >= 16 && c.mlp_hidden() % c.num_heads == 0 && random.below(2) == 1;
    c.first_unit_always_on = !c.dynamic || random.below(2) == 1;
    INFO(dydit::dit::to_json(c).dump());
    dydit::dit::DiT dit(c);
    std::int64_t total = 0, trainable = 0;
    for (const auto& parameter : dit->parameters()) {
      total += parameter.numel();
      trainable += parameter.requires_grad() ? parameter.numel() : 0;
    }
    const auto architecture = architecture_of(c);
    CHECK(architecture.parameters == total);
    CHECK(architecture.trainable == trainable);
    auto expected = counted(dit);
    double without_routers = 0;
    for (const char* part : {"patch", "conditioning", "adaln", "attention", "mlp", "final"}) {
      INFO(part);
      CHECK(macs_of_part(architecture, part) == expected[part]);
      without_routers += expected[part];
    }
    CHECK(macs_of_part(architecture, "routers") == expected["routers"]);
    CHECK(dydit::cost::macs_of(architecture) == without_routers);
  }
}
