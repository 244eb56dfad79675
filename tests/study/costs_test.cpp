// SPDX-License-Identifier: Apache-2.0
// Costs of units, and what sweeps round up by them.
#include "study/costs.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "made_up_costs.h"
#include "support.h"

using namespace dydit;
using Catch::Matchers::Contains;
using record::Record;
using test::MadeUpCosts;
using torch::Tensor;

namespace {

constexpr std::int64_t side = 16;

study::CostsSetting costs_setting() {
  study::CostsSetting s{.spec = {}, .catalog = &test::catalog()};
  s.spec.model = "DyDiT-S/8";
  s.spec.batch = {2};
  s.spec.input_size = side;
  s.spec.blocks = 2;
  s.quiet = true;
  return s;
}

model::Architecture architecture() { return dit::family().describe("DyDiT-S/8", side); }

const study::RoundedPasses passes{.engine = "compact", .dtype = "float32", .batch = 2};

}  // namespace

TEST_CASE("costs are recorded for each number of heads and groups, and of tokens in sixteenths") {
  test::StudyRun run;
  study::costs(costs_setting(), &run.run);
  std::map<std::string, std::vector<std::int64_t>> counts;
  for (const Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    counts[record.axes.at("unit")].push_back(record.axes.at("on"));
    CHECK(record.metrics.at("block_time").value > 0);
    CHECK(record.metrics.at("block_time").blocks.size() == 2);
    const auto units = record.axes.at("unit") == "tokens" ? 4 : 6;
    CHECK((record.metrics.at("lambda_realised").value == 1) == (record.axes.at("on") == units));
  }
  CHECK(counts["heads"] == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});  // the first one is always on
  CHECK(counts["channels"] == counts["heads"]);
  CHECK(counts["tokens"] == std::vector<std::int64_t>{0, 1, 2, 3, 4});
}

TEST_CASE("a block that fails has no time") {
  study::Catalog catalog = test::catalog();
  for (engine::Row& row : catalog.families.front().engines)
    if (row.name == "compact")
      row.make = [](auto, const engine::Options&) -> std::unique_ptr<engine::Engine> { throw RunError("no memory"); };
  study::CostsSetting setting = costs_setting();
  setting.catalog = &catalog;
  test::StudyRun run;
  study::costs(setting, &run.run);
  CHECK(run.run.records().size() == 6 + 6 + 5);
  for (const Record& record : run.run.records()) {
    CHECK(record.status == record::Status::failed);
    CHECK(record.metrics.empty());
    CHECK_THAT(record.error, Contains("no memory"));
  }
  for (const char* engine : {"dense", "masked", "fused-dense"}) {
    setting.spec.engine = {engine};
    CHECK_THROWS_AS(study::require_costs(setting.spec, catalog), UsageError);
  }
  setting.spec = {.model = "DiT-S/8"};
  CHECK_THROWS_AS(study::require_costs(setting.spec, catalog), UsageError);
}

TEST_CASE("numbers are rounded up by the costs of the same block, machine, engine and batch") {
  const MadeUpCosts costs(architecture(), {1, 1, 2, 2, 3, 3});
  const engine::RoundUp expected{{0, 2, 2, 4, 4, 6, 6}, {0, 2, 2, 4, 4, 6, 6}, {}};
  CHECK(study::round_up_of(costs.path(), architecture(), passes) == expected);
  CHECK_NOTHROW(engine::require_fit(expected, architecture().units));
  const auto refused = [&](study::RoundedPasses other) {
    CHECK_THROWS_AS(study::round_up_of(costs.path(), architecture(), other), UsageError);
  };
  refused({.engine = "fused", .dtype = "float32", .batch = 2});
  refused({.engine = "compact", .dtype = "bfloat16", .batch = 2});
  refused({.engine = "compact", .dtype = "float32", .batch = 4});
  refused({.engine = "compact", .dtype = "float32", .batch = 2, .threads = 1});
  CHECK_THROWS_WITH(study::round_up_of(costs.path(), dit::family().describe("DyDiT-B/8", side), passes),
                    Contains("costs of another block"));
  const MadeUpCosts elsewhere(architecture(), {1, 1, 2, 2, 3, 3}, {{"machine", {{"cpu", "another one"}}}});
  CHECK_THROWS_WITH(study::round_up_of(elsewhere.path(), architecture(), passes), Contains("costs of another machine"));
  CHECK_THROWS_AS(study::round_up_of(MadeUpCosts(architecture(), {1, 1, 2, 2}).path(), architecture(), passes),
                  InputError);
  CHECK_THROWS_AS(study::round_up_of(MadeUpCosts(architecture(), {1, NAN, 2, 2, 3, 3}).path(), architecture(), passes),
                  InputError);
  CHECK_THROWS_AS(study::round_up_of(MadeUpCosts(architecture(), {}).path(), architecture(), passes), InputError);
  const test::TemporaryFolder nothing;
  CHECK_THROWS_AS(study::round_up_of(nothing.path(), architecture(), passes), InputError);
}

TEST_CASE("what rounding did is told in units of all layers and shares of MACs") {
  const auto of = architecture();
  engine::Masks planned = engine::all_on(of, 2, torch::kCPU);
  planned[2] = Tensor();
  engine::Masks kept = planned;
  planned[0] = planned[0].clone();
  planned[0].select(1, 3).narrow(1, 2, 4).fill_(false);  // four heads of one layer in twelve
  planned[1] = planned[1].clone();
  planned[1][0].select(0, 1).narrow(0, 5, 1).fill_(false);  // a group, of one of two images
  const study::RoundingDone done = study::rounding_done({planned, kept}, of);
  REQUIRE(done.stay_on.size() == 2);
  CHECK(done.stay_on[0] == std::pair<std::string, double>{"heads", 4});
  CHECK(done.stay_on[1] == std::pair<std::string, double>{"channel groups", 0.5});
  CHECK(done.lambda_kept == 1);
  CHECK(done.lambda_planned < 1);
  CHECK_THAT(done.words(), Contains("round to tiles: 4 heads and 0.5 channel groups of all layers stay on"));
}

TEST_CASE("a sweep that rounds to tiles holds the engine to the masked one with as many units on") {
  const MadeUpCosts costs(architecture(), {1, 1, 1, 2, 2, 2});
  study::SpeedSetting s{.spec = {}, .catalog = &test::catalog()};
  s.spec.models = {"DyDiT-S/8"};
  s.spec.axes = {{"dtype", {"float32"}}, {"batch", {2}}, {"keep", {0.4}}};
  s.spec.which = {"widths"};
  s.spec.input_size = side;
  s.spec.blocks = 1;
  s.quiet = true;
  const auto lambda = [](const Record& record, const char* metric) {
    const auto found = record.metrics.find(metric);
    return found == record.metrics.end() ? NAN : found->second.value;
  };
  std::set<std::string> cells;
  for (const std::string& round : {std::string(), costs.path()}) {
    test::StudyRun run;
    s.spec.round_to_tiles = round;
    study::speed(s, &run.run);
    REQUIRE(run.run.records().size() == 3 + 2);
    for (const Record& record : run.run.records()) {
      INFO(record.axes.dump() << " " << record.error);
      REQUIRE(record.status == record::Status::ok);
      CHECK(cells.insert(record.cell).second);  // a cell of its own
      CHECK(record.axes.contains("round_to_tiles") == !round.empty());
      const bool rounds =
          !round.empty() && record.axes.at("engine") == "compact" && record.axes.at("which") == "widths";
      CHECK(std::isnan(lambda(record, "lambda_planned")) == !rounds);
      if (!rounds) continue;
      CHECK(lambda(record, "lambda_planned") == Approx(0.4).margin(0.02));
      CHECK(lambda(record, "lambda_realised") == Approx(0.5).margin(0.02));  // three of six
    }
  }
}

TEST_CASE("a trained model's own decisions are rounded up, and its tokens are as the masked engine decides with them") {
  const study::Model model = test::dynamic_model("half", /*first_unit_always_on=*/false);
  const auto& of = model.network->architecture;
  const MadeUpCosts costs(of, {1, 1});
  study::SpeedSetting s{.spec = {}, .catalog = &test::catalog()};
  s.spec.models.clear();
  s.spec.trained = {"half"};
  s.spec.trained_batch = {2};
  s.spec.timesteps = 4;
  s.spec.blocks = 1;
  s.spec.engine = {"dense", "compact"};
  s.spec.round_to_tiles = costs.path();
  s.quiet = true;
  s.trained = {{.name = "half",
                .hash = "half",
                .network = model.network,
                .family = model.family,
                .chunk = {.count = 2,
                          .indices = {0, 1},
                          .images = torch::ones({2, of.channels, of.side, of.side}),
                          .labels = torch::tensor({0, 1})},
                .data_hash = "data"}};
  test::StudyRun run;
  study::speed(s, &run.run);
  for (const Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    if (record.axes.at("engine") != "compact") continue;
    CHECK(record.metrics.at("lambda_planned").value <= record.metrics.at("lambda_realised").value);
  }
}

TEST_CASE("rounding wants an engine that keeps what is on, and costs") {
  const MadeUpCosts costs(architecture(), {1, 1, 2, 2, 3, 3});
  const auto& family = test::catalog().families.front();
  CHECK_NOTHROW(study::require_rounding(costs.path(), {family.engine("masked"), family.engine("compact")}));
  CHECK_THROWS_WITH(study::require_rounding(costs.path(), {family.engine("masked"), family.engine("dense")}),
                    Contains("no engine that keeps what is on: --round-to-tiles"));
  const test::StudyRun other;
  CHECK_THROWS_AS(study::require_rounding(other.run.path(), {family.engine("compact")}), InputError);
}
