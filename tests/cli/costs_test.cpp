// SPDX-License-Identifier: Apache-2.0
// dydit costs, and what --round-to-tiles makes of it in sweeps, profiles and samples.
#include <fstream>

#include "base/file.h"
#include "catch.h"
#include "dit/engines.h"
#include "dynamic_weights.h"
#include "made_up_costs.h"
#include "process.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::Arguments;
using test::run_dydit;

namespace {

const Arguments on_cpu{"--device", "cpu", "--threads", "2", "--quiet"};

test::Outcome run_on_cpu(Arguments arguments) {
  arguments.insert(arguments.end(), on_cpu.begin(), on_cpu.end());
  return run_dydit(arguments);
}

record::Json manifest_of(const std::string& run) { return record::Json::parse(read_file(run + "/manifest.json")); }

model::Architecture small() { return dit::family().describe("DyDiT-S/8", 16); }

std::string sweep_profile(const test::TemporaryFolder& folder, const std::string& engines) {
  const std::string path = folder.path() / "sweep.toml";
  std::ofstream(path) << "[sweep]\nmodels = [\"DyDiT-S/8\"]\nkeep = [0.5]\nwhich = [\"widths\"]\nbatch = [2]\n"
                         "input_size = 16\nblocks = 1\nengine = ["
                      << engines << "]\n";
  return path;
}

}  // namespace

TEST_CASE("costs are measured once, and a report shows them") {
  const test::TemporaryFolder folder;
  const std::string run = folder.path() / "run";
  const Arguments costs{"costs", "--model",  "DyDiT-S/8", "--input-size", "16", "--batch", "1",
                        "2",     "--blocks", "1",         "--out",        run};
  const auto measured = run_on_cpu(costs);
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  CHECK(measured.out == run + "\n");
  const std::string results = read_file(run + "/results.jsonl");
  CHECK(std::count(results.begin(), results.end(), '\n') == 2 * (6 + 6 + 5));
  CHECK(run_on_cpu(costs).code == 0);
  CHECK(read_file(run + "/results.jsonl") == results);
  REQUIRE(run_dydit({"report", run}).code == 0);
  CHECK_THAT(read_file(run + "/index.html"), Contains("Which units cost no time?"));
  CHECK(std::filesystem::exists(run + "/figures/costs-DyDiT-S--8-compact-2.csv"));
  // What was measured can be rounded up by.
  const auto swept = run_on_cpu({"sweep", sweep_profile(folder, "\"dense\", \"compact\""), "--round-to-tiles", run,
                                 "--out", folder.path() / "sweep"});
  INFO(swept.err);
  CHECK(swept.code == 0);
  CHECK_THAT(swept.err, Contains("DyDiT-S/8, batch 2, compact widths (0.5): round to tiles: "));
  // Beside other shares than the profile's.
  CHECK(run_on_cpu({"sweep", sweep_profile(folder, "\"dense\", \"compact\""), "--keep", "0.7,0.5,1", "--round-to-tiles",
                    run, "--out", folder.path() / "shares"})
            .code == 0);
}

TEST_CASE("a sweep goes on without an engine that cannot be made") {
  const test::TemporaryFolder folder;
  const test::MadeUpCosts costs(small(), {1, 1, 1, 1, 2, 2});  // of another batch
  const std::string profile = sweep_profile(folder, "\"dense\", \"masked\", \"compact\"");
  std::string text = read_file(profile);
  text.replace(text.find("batch = [2]"), 11, "batch = [3]");
  std::ofstream(profile) << text;
  const auto swept = run_on_cpu({"sweep", profile, "--round-to-tiles", costs.path(), "--out", folder.path() / "run"});
  INFO(swept.err);
  CHECK(swept.code == 4);
  const std::string results = read_file((folder.path() / "run/results.jsonl").string());
  CHECK_THAT(results, Contains("batch 3") && Contains("\"engine\":\"dense\""));
}

TEST_CASE("a profile says what was rounded up") {
  const test::TemporaryFolder folder;
  const test::MadeUpCosts costs(small(), {1, 1, 1, 1, 2, 2});
  const auto profiled =
      run_on_cpu({"profile", "--model", "DyDiT-S/8", "--input-size", "16", "--engine", "compact", "--which", "widths",
                  "--batch", "2", "--blocks", "1", "--round-to-tiles", costs.path(), "--out", folder.path() / "run"});
  INFO(profiled.err);
  REQUIRE(profiled.code == 0);
  // Three of six heads and groups of twelve layers.
  CHECK_THAT(profiled.err, Contains("compact widths: round to tiles: 12 heads and 12 channel groups of all layers stay "
                                    "on, which the plan had off: lambda 0.500 -> 0.667"));
}

TEST_CASE("images are sampled with the units that cost no time, and the run says so") {
  const test::TemporaryFolder folder;
  const test::DynamicWeights weights;
  const dit::DiT dit(weights.golden.configuration());
  const auto units = static_cast<std::size_t>(dit->configuration.num_heads);
  std::vector<double> rising;
  for (std::size_t on = 1; on <= units; ++on) rising.push_back(static_cast<double>(on));
  const test::MadeUpCosts flat(dit->architecture, std::vector<double>(units, 1)), steep(dit->architecture, rising);
  const std::string out = folder.path() / "run";
  const auto sample = [&](const std::string& costs) {
    return run_on_cpu({"sample", "--checkpoint", weights.file(), "--images", "2", "--batch", "2", "--steps", "2",
                       "--engine", "compact", "--round-to-tiles", costs, "--out", out});
  };
  const auto sampled = sample(flat.path());
  INFO(sampled.err);
  REQUIRE(sampled.code == 0);
  CHECK_THAT(sampled.err, Contains("dydit: round to tiles: ") && Contains("-> 1.000"));
  const record::Json rounding = manifest_of(out).at("rounding");
  CHECK(rounding.at("lambda_kept") == 1);
  CHECK(rounding.at("lambda_planned") < 1);
  CHECK(rounding.at("stay_on").at("heads") > 0);
  CHECK(sample(flat.path()).code == 0);  // it is there
  const auto other = sample(steep.path());
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("round_to_tiles"));
}

TEST_CASE("costs and rounding that make no sense are refused in one line") {
  const test::TemporaryFolder folder;
  const test::MadeUpCosts costs(small(), {1, 1, 1, 1, 2, 2});
  const test::DynamicWeights weights;
  const auto refused = [](const Arguments& arguments, int code, const std::string& named) {
    const auto outcome = run_on_cpu(arguments);
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(named));
  };
  const std::string out = folder.path() / "out", nowhere = folder.path() / "nowhere";
  refused({"costs", "--model", "DiT-S/8", "--out", out}, 2, "a model without routers: DiT-S/8");
  refused({"costs", "--engine", "masked", "--out", out}, 2, "the engine computes what is off: masked");
  refused({"costs", "--engine", "slow", "--out", out}, 2, "slow");
  refused({"costs", "--batch", "0", "--out", out}, 2, "--batch 0");
  const Arguments profile{"profile", "--model", "DyDiT-S/8", "--input-size", "16", "--batch", "2", "--out", out};
  const auto with = [](Arguments start, const Arguments& more) {
    start.insert(start.end(), more.begin(), more.end());
    return start;
  };
  refused(with(profile, {"--engine", "masked", "--round-to-tiles", costs.path()}), 2,
          "no engine that keeps what is on");
  refused(with(profile, {"--engine", "compact", "--round-to-tiles", nowhere}), 3, nowhere);
  refused({"sweep", sweep_profile(folder, "\"dense\", \"masked\""), "--round-to-tiles", costs.path(), "--out", out}, 2,
          "no engine that keeps what is on");
  const Arguments sample{"sample", "--checkpoint", weights.file(), "--images", "2", "--batch", "2", "--out", out};
  refused(with(sample, {"--engine", "masked", "--round-to-tiles", costs.path()}), 2, "no engine that keeps what is on");
  refused(with(sample, {"--engine", "compact", "--round-to-tiles", costs.path()}), 2, "costs of another block");
  refused(with(sample, {"--engine", "compact", "--cfg-scale", "2", "--round-to-tiles", costs.path()}), 2, "batch 4");
  CHECK(!std::filesystem::exists(out));
}
