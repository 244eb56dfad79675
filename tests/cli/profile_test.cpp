// SPDX-License-Identifier: Apache-2.0
// dydit profile: rows that sum to the time, a trace, and what is refused.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "catch.h"
#include "dynamic_weights.h"
#include "probe.h"
#include "test_folder.h"
#include "tiny_runs.h"

using Catch::Matchers::Contains;
using dydit::test::Arguments;
using dydit::test::run_dydit;
using Json = nlohmann::json;

namespace {

Json profile(const Arguments& arguments) {
  Arguments all{"profile", "--json", "--quiet", "--blocks", "2", "--threads", "2", "--device", "cpu"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto outcome = run_dydit(all);
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return Json::parse(outcome.out);
}

double sum_of(const Json& cell, const char* key) {
  double sum = 0;
  for (const Json& row : cell.at("rows")) sum += row.at(key).get<double>();
  return sum;
}

}  // namespace

TEST_CASE("a model without routers has a profile") {
  const dydit::test::TemporaryFolder folder;
  const Json cell =
      profile({"--model", "DiT-S/8", "--input-size", "16", "--batch", "2", "--out", folder.path() / "run"});
  CHECK(cell.at("axes").at("engine") == "dense");
  CHECK(sum_of(cell, "total_ms") + cell.at("remainder_ms").get<double>() == Approx(cell.at("wall_ms").get<double>()));
}

TEST_CASE("a profile's rows and its remainder are the time, and their MACs the model's") {
  const dydit::test::TemporaryFolder folder;
  const std::string run = folder.path() / "run";
  const Arguments arguments{"--model", "DyDiT-S/8", "--input-size", "16", "--engine", "compact",
                            "--keep",  "1",         "--batch",      "2",  "--out",    run};
  const Json cell = profile(arguments);
  CHECK(cell.at("axes").at("engine") == "compact");
  CHECK(sum_of(cell, "total_ms") + cell.at("remainder_ms").get<double>() == Approx(cell.at("wall_ms").get<double>()));
  CHECK(cell.at("remainder_ms").get<double>() < 0.05 * cell.at("wall_ms").get<double>());
  CHECK(cell.at("lost_records") == 0);
  const auto told = run_dydit({"info", "--model", "DyDiT-S/8", "--input-size", "16", "--json"});
  const Json gmacs = Json::parse(told.out).at("gmacs");
  CHECK(sum_of(cell, "macs") ==
        Approx(2e9 * (gmacs.at("total").get<double>() + gmacs.at("routers").get<double>())).epsilon(1e-3));
  const auto has = [&](const std::string& range) {
    return std::any_of(cell.at("rows").begin(), cell.at("rows").end(),
                       [&](const Json& row) { return row.at("range") == range; });
  };
  for (const char* range : {"pass/block/attention/qkv", "pass/block/attention/sdpa", "pass/block/mlp/fc1",
                            "pass/block/router", "pass/adaLN", "pass/embed", "pass/final layer"})
    CHECK(has(range));
  // The trace passes its check, and the same command measures nothing again.
  CHECK(std::filesystem::exists(std::filesystem::path(run) / "trace" / "trace.json.gz"));
  const auto check = dydit::test::test_folder() / "timeline" / "trace_check.py";
  CHECK(std::system(("python3 -B " + check.string() + " " + run + "/trace/trace.json.gz").c_str()) == 0);
  CHECK(profile(arguments) == cell);
}

TEST_CASE("a cell that is asked for twice is there once, and one that was set aside is measured again with its rows") {
  const dydit::test::TemporaryFolder folder;
  const std::string out = folder.path() / "run";
  const auto with = [&](const char* keep) {
    return profile({"--model", "DyDiT-S/8", "--input-size", "16", "--batch", "1", "--engine", "compact", "compact",
                    "--keep", keep, "--force", "--out", out});
  };
  const Json first = with("0.5");
  with("0.75");
  const Json again = with("0.5");
  CHECK(again.at("rows").size() > 10);
  CHECK(sum_of(again, "macs") == Approx(sum_of(first, "macs")).epsilon(0.01));  // inputs take turns
  CHECK(sum_of(again, "total_ms") + again.at("remainder_ms").get<double>() ==
        Approx(again.at("wall_ms").get<double>()));
}

TEST_CASE("several cells are profiled beside the complete model, and a checkpoint as its routers decide") {
  const dydit::test::TemporaryFolder folder;
  const Json cells = profile({"--model", "DyDiT-S/8", "--input-size", "16", "--engine", "masked", "compact", "--which",
                              "widths", "tokens", "--batch", "1", "--out", folder.path() / "several"});
  CHECK(cells.size() == 1 + 2 * 2);
  const dydit::test::DynamicWeights file;
  const Json own = profile({"--checkpoint", file.file(), "--engine", "compact", "--seed", "5", "--batch", "2", "--out",
                            folder.path() / "own"});
  const auto manifest = Json::parse(dydit::read_file(folder.path() / "own" / "manifest.json"));
  CHECK(manifest.at("identity").at("seed") == 5);
  CHECK(own.at("axes").at("which") == "own");
  CHECK(sum_of(own, "macs") > 0);
}

TEST_CASE("a profile is compared with another one, cell by cell") {
  const dydit::test::TemporaryFolder folder;
  const std::string before = folder.path() / "before", now = folder.path() / "now";
  const Arguments model{"--model", "DyDiT-S/8", "--input-size", "16", "--batch", "1", "--engine", "compact"};
  const auto with = [&](const Arguments& more) {
    Arguments all = model;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Json old = profile(with({"--out", before}));
  const Json cell = profile(with({"--out", now, "--against", before}));
  const Json& against = cell.at("against");
  CHECK(against.at("run") == before);
  CHECK(against.at("wall_ms").get<double>() == Approx(old.at("wall_ms").get<double>()));
  CHECK(against.at("uncollected_ms") == old.at("uncollected_ms"));
  CHECK(sum_of(against, "total_ms") == Approx(cell.at("wall_ms").get<double>()));
  CHECK(sum_of(against, "against_ms") == Approx(old.at("wall_ms").get<double>()));
  for (const char* key : {"range", "kernel", "calls", "against_calls"}) CHECK(against.at("rows").at(0).contains(key));
  const Json by_axis = profile(with({"--keep", "1,0.5,0.5", "--out", folder.path() / "by-axis"}));
  CHECK(by_axis.at("axes").at("keep") == Json{1, 0.5, 0.5});
  CHECK(sum_of(by_axis, "macs") > 1.05 * sum_of(old, "macs"));
  const Json likewise = profile(
      with({"--keep", "1,0.5,0.5", "--out", folder.path() / "likewise", "--against", folder.path() / "by-axis"}));
  CHECK(likewise.at("against").at("uncollected_ms") == by_axis.at("uncollected_ms"));
  // In words; a cell that the other run has not is named.
  Arguments all{"profile", "--quiet", "--blocks", "2", "--threads", "2", "--device", "cpu"};
  const Arguments other = with({"--keep", "0.75", "--out", folder.path() / "other", "--against", before});
  all.insert(all.end(), other.begin(), other.end());
  const auto told = run_dydit(all);
  INFO(told.err);
  CHECK(told.code == 0);
  CHECK_THAT(told.out, Contains("\ndense against " + before + ": ") && Contains("\n  all  ") &&
                           Contains(before + " has no cell compact (both, 0.75) to compare with\n"));
}

TEST_CASE("what cannot be profiled is refused in one line") {
  const auto refused = [](const Arguments& arguments) {
    Arguments all{"profile"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto outcome = run_dydit(all);
    INFO(outcome.err);
    CHECK(dydit::test::is_one_error(outcome.err));
    return outcome.code;
  };
  CHECK(refused({"--model", "DiT-S/8", "--engine", "compact"}) == 2);
  CHECK(refused({"--model", "nothing"}) == 2);
  for (const char* keep : {"0", "0.5,0.5", "1,1,1", "0.5,0.5,2"}) CHECK(refused({"--keep", keep}) == 2);
  CHECK(refused({"--data", "images.zip"}) == 2);
  const dydit::test::DynamicWeights weights;
  for (const auto& [option, value] : {std::pair{"--keep", "0.5"}, {"--which", "tokens"}, {"--input-size", "8"}})
    CHECK(refused({"--checkpoint", weights.file(), option, value}) == 2);
  CHECK(refused({"--batch", "0"}) == 2);
  CHECK(refused({"--checkpoint", "missing.safetensors"}) == 3);
  const dydit::test::TemporaryFolder folder;
  const std::string out = folder.path() / "out", nothing = folder.path();
  CHECK(refused({"--against", nothing, "--out", out}) == 3);
  dydit::write_atomically(folder.path() / "manifest.json", R"({"schema": 1})");  // a run without a profile
  CHECK(refused({"--against", nothing, "--out", out}) == 3);
  CHECK(!std::filesystem::exists(out));
}
