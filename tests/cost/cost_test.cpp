// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "cost/macs.h"
#include "dit/dit.h"
#include "test_folder.h"

using dydit::cost::Macs;
using dydit::dit::Configuration;
using dydit::dit::published;

TEST_CASE("S/2 and B/2 cost what the official code counts") {
  const auto counts =
      nlohmann::json::parse(dydit::read_file(dydit::test::test_folder() / "golden/counts.json"));
  for (const char* name : {"DiT-S/2", "DiT-B/2", "DyDiT-S/2", "DyDiT-B/2"}) {
    const auto parameters = dydit::cost::parameters_of(published(name));
    CHECK(parameters.total == counts.at(name).at("params_total"));
    CHECK(parameters.trainable == counts.at(name).at("params_trainable"));
    CHECK(dydit::cost::macs_of(published(name)).total() == counts.at(name).at("forward_macs_matmul_only"));
  }
}

TEST_CASE(
    "routers cost what the official code counts, and published configurations of DyDiT are the same size") {
  CHECK(dydit::cost::parameters_of(published("DyDiT-XL/2")).total -
            dydit::cost::parameters_of(published("DiT-XL/2")).total ==
        Approx(3.30e6).epsilon(2e-3));
}

TEST_CASE("the ratio of the released code") {
  // A block of attention and a block of MLP, in GMACs, as the released training has them.
  const auto [name, attention, mlp] =
      GENERATE(table<const char*, double, double>({{"DyDiT-S/2", 0.201326592, 0.301989888},
                                                   {"DyDiT-B/2", 0.704643072, 1.207959552},
                                                   {"DyDiT-XL/2", 1.50994944, 2.717908992}}));
  const auto c = published(name);
  auto activity = dydit::cost::complete(c);
  CHECK(dydit::cost::lambda_realised(c, activity) == Approx(1));
  CHECK(dydit::cost::rho(c, activity).without_routers == Approx(1));
  double expected = 0;
  dydit::Random random(3, dydit::Purpose::synthetic, 0);
  for (auto& layer : activity.layers) {
    layer.heads = 1 + static_cast<double>(random.below(static_cast<std::uint64_t>(c.num_heads)));
    layer.groups = 1 + static_cast<double>(random.below(static_cast<std::uint64_t>(c.num_heads)));
    layer.tokens = static_cast<double>(random.below(static_cast<std::uint64_t>(c.tokens()) + 1));
    layer.group_tokens = layer.groups * layer.tokens;
    const auto heads = static_cast<double>(c.num_heads), tokens = static_cast<double>(c.tokens());
    expected += layer.heads / heads * attention + layer.groups / heads * (layer.tokens / tokens) * mlp;
  }
  CHECK(dydit::cost::lambda_realised(c, activity) ==
        Approx(expected / (static_cast<double>(c.depth) * (attention + mlp))));
  const auto rho = dydit::cost::rho(c, activity);
  CHECK(rho.with_routers > rho.without_routers);
  CHECK(rho.without_routers > dydit::cost::lambda_realised(c, activity));  // what cannot be skipped
}

TEST_CASE("the published family has the official numbers of parameters") {
  const std::map<std::string, std::int64_t> official{
      {"DiT-S/2", 32'963'360},   {"DiT-S/4", 32'945'024},   {"DiT-S/8", 33'148'160},
      {"DiT-B/2", 130'512'416},  {"DiT-B/4", 130'475'648},  {"DiT-B/8", 130'881'536},
      {"DiT-L/2", 458'102'816},  {"DiT-L/4", 458'053'760},  {"DiT-L/8", 458'594'816},
      {"DiT-XL/2", 675'129'632}, {"DiT-XL/4", 675'074'432}, {"DiT-XL/8", 675'683'072}};
  for (const std::string& name : dydit::dit::published_names()) {
    INFO(name);
    CHECK(dydit::cost::parameters_of(published(name)).total == official.at(name));
  }
}

TEST_CASE("the published family has the published GMACs") {
  const std::map<std::string, double> table{{"DiT-S/2", 6.06},    {"DiT-S/4", 1.41},   {"DiT-S/8", 0.36},
                                            {"DiT-B/2", 23.01},   {"DiT-B/4", 5.56},   {"DiT-B/8", 1.42},
                                            {"DiT-L/2", 80.71},   {"DiT-L/4", 19.70},  {"DiT-L/8", 5.01},
                                            {"DiT-XL/2", 118.64}, {"DiT-XL/4", 29.05}, {"DiT-XL/8", 7.39}};
  const auto agrees = [](const Configuration& c, double printed) {
    const double giga = dydit::cost::macs_of(c).total() * 1e-9;
    INFO(c.name << ": " << giga << ", printed " << printed);
    CHECK(std::abs(giga - printed) <= std::max(0.005, 0.005 * printed));
  };
  for (const std::string& name : dydit::dit::published_names()) agrees(published(name), table.at(name));
  Configuration large = published("DiT-XL/2");
  large.input_size = 64;
  agrees(large, 524.60);
}

// From the modules: a linear multiplies each weight once for every token it sees.
static Macs counted(dydit::dit::DiT& dit) {
  const auto tokens = dit->configuration.tokens();
  Macs macs;
  for (const auto& item : dit->named_parameters()) {
    const std::string& name = item.key();
    const auto size = item.value().numel();
    const auto contains = [&](const char* part) { return name.find(part) != name.npos; };
    if (!name.ends_with("weight") || contains("embedding_table")) continue;
    if (contains("x_embedder"))
      macs.patch += size * tokens;
    else if (contains("t_embedder"))
      macs.conditioning += size;
    else if (contains("final_layer"))
      macs.final += contains("adaLN") ? size : size * tokens;
    else if (contains("adaLN"))
      macs.adaln += size;
    else if (contains("_rate."))
      macs.routers += size;
    else if (contains("token_selection"))
      macs.routers += size * tokens;
    else
      (contains(".attn.") ? macs.attention : macs.mlp) += size * tokens;
  }
  const auto& c = dit->configuration;
  const auto products = 2 * c.num_heads * tokens * tokens * (c.hidden_size / c.num_heads);
  macs.attention += c.depth * products;
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
    c.dynamic =
        c.num_heads > 1 && c.hidden_size >= 16 && c.mlp_hidden() % c.num_heads == 0 && random.below(2) == 1;
    c.first_unit_always_on = !c.dynamic || random.below(2) == 1;
    INFO(dydit::dit::to_json(c).dump());
    dydit::dit::DiT dit(c);
    std::int64_t total = 0, trainable = 0;
    for (const auto& parameter : dit->parameters()) {
      total += parameter.numel();
      trainable += parameter.requires_grad() ? parameter.numel() : 0;
    }
    CHECK(dydit::cost::parameters_of(c).total == total);
    CHECK(dydit::cost::parameters_of(c).trainable == trainable);
    const Macs analytic = dydit::cost::macs_of(c), expected = counted(dit);
    CHECK(analytic.patch == expected.patch);
    CHECK(analytic.conditioning == expected.conditioning);
    CHECK(analytic.adaln == expected.adaln);
    CHECK(analytic.attention == expected.attention);
    CHECK(analytic.mlp == expected.mlp);
    CHECK(analytic.final == expected.final);
    CHECK(analytic.routers == expected.routers);
    CHECK(analytic.total() == expected.total());
  }
}
