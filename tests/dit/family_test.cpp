// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "catch.h"
#include "dit/support.h"
#include "dit/weights.h"
#include "temporary_folder.h"

using Catch::Matchers::Contains;
using dydit::UsageError;
namespace checkpoint = dydit::checkpoint;
namespace dit = dydit::dit;
namespace engine = dydit::engine;
namespace model = dydit::model;

TEST_CASE("the family describes its published configurations for inputs of any side") {
  const engine::Family family = dit::family();
  CHECK(family.published.size() == 48);
  for (const std::string& name : family.published) {
    INFO(name);
    const auto architecture = family.describe(name, 64);
    CHECK(architecture.name == name);
    CHECK(architecture.side == 64);
    CHECK(architecture.dynamic() == name.starts_with("Dy"));
  }
  for (const char* name : {"DyDiT-S/8", "DiT-S/8"}) {  // on a CPU
    const auto network = family.build(family.describe(name, 64));
    CHECK(family.default_engine(*network).name == (network->architecture.dynamic() ? "compact" : "dense"));
  }
  CHECK_THROWS_AS(family.describe("DiT-M/2", 32), UsageError);
  CHECK_THROWS_AS(family.describe("DiT-S/8", 33), UsageError);
  CHECK(engine::family_of({family}, "DySiT-XL/2").name == "DiT");
}

TEST_CASE("the axes of a dynamic architecture are in the order of its masks") {
  const auto architecture = dit::architecture_of(dit::published("DyDiT-S/2"));
  const auto& units = architecture.units;
  REQUIRE(units.size() == 3);
  CHECK((units[dit::axis::heads] == model::UnitAxis{"heads", "heads", 12, 6, true, model::Scope::timestep}));
  CHECK((units[dit::axis::channels] ==
         model::UnitAxis{"channels", "channel groups", 12, 6, true, model::Scope::timestep}));
  CHECK((units[dit::axis::tokens] == model::UnitAxis{"tokens", "tokens", 12, 256, false, model::Scope::token}));
  auto older = dit::published("DyDiT-S/2");
  older.first_unit_always_on = false;
  CHECK(!dit::architecture_of(older).units[dit::axis::heads].first_on);
  CHECK(architecture.dense == dit::architecture_of(dit::published("DiT-S/2")).dense);
  CHECK(architecture.dense != dit::architecture_of(dit::published("DiT-S/4")).dense);
}

TEST_CASE("a network is built by its architecture, saved, and loaded by the family that recognises it") {
  const torch::NoGradGuard no_grad;
  const engine::Family family = dit::family();
  auto c = dit::published("DyDiT-S/8");
  c.depth = 1;
  c.name = "";
  const auto built = family.build(dit::architecture_of(c));
  built->randomise(3);
  CHECK(built->architecture.configuration == dit::to_json(c));
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "dit.safetensors";
  dit::save_dit(path, dit::DiT(std::dynamic_pointer_cast<dit::DiTImpl>(built)), torch::kFloat32);
  const auto opened = checkpoint::open_checkpoint(path);
  CHECK(family.recognises(opened));
  const auto loaded = family.load(opened, path.string(), {}, torch::kCPU, torch::kFloat32);
  CHECK_FALSE(loaded->is_training());
  CHECK((loaded->architecture.units == built->architecture.units));
  const model::Inputs in{
      .x = torch::randn({2, 4, 32, 32}), .t = torch::tensor({3, 900}), .y = torch::tensor({1, 1000})};
  CHECK(torch::equal(loaded->complete(in), built->complete(in)));
  CHECK(loaded->complete(in).abs().max().item<float>() > 0);
  CHECK(torch::equal(family.engine("dense").make(loaded, {})->forward(in).output, built->complete(in)));
}

TEST_CASE("a dense model runs by the complete engine alone") {
  dit::DiT dit(dit::published("DiT-S/8"));
  CHECK_NOTHROW(dydit::test::engine_named("dense", dit));
  for (const char* name : {"masked", "compact"})
    CHECK_THROWS_WITH(dydit::test::engine_named(name, dit), Contains("the model has no routers: DiT-S/8"));
  CHECK_THROWS_WITH(dydit::test::engine_named("fast", dit), Contains("fast: known are dense, masked, compact"));
}

TEST_CASE("the compact engine reads the weights of what is on, the others all") {
  dit::DiT dit(dit::published("DyDiT-S/8"));
  const auto& units = dit->architecture.units;
  const double all = 4 * static_cast<double>(dit->architecture.parameters);
  auto half = model::complete(units).on;
  for (const std::size_t axis : {dit::axis::heads, dit::axis::channels})
    for (double& on : half[axis]) on /= 2;
  for (const char* name : {"dense", "masked"})
    CHECK(dydit::test::engine_named(name, dit)->weight_bytes(model::Activity::of_one(half)) == all);
  const auto compact = dydit::test::engine_named("compact", dit);
  CHECK(compact->weight_bytes(model::complete(units)) == all);
  const double blocks = 12 * 4.0 * (4 * 384 * 384 + 2 * 4 * 384 * 384);  // without biases
  CHECK(compact->weight_bytes(model::Activity::of_one(half)) == Approx(all - blocks / 2));
}
