// SPDX-License-Identifier: Apache-2.0
// That every suite of benchmarks is there and runs. What it measures is looked at for sense alone, not for speed.
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/file.h"
#include "catch.h"
#include "temporary_folder.h"

using Json = nlohmann::json;

namespace {

// Where there is a GPU its smallest cases run too; without one CUDA's suites are left out.
const std::set<std::string> suites{"ceiling/product",
                                   "ceiling/copy",
                                   "kernel",
                                   "part",
                                   "forward",
                                   "train_step",
                                   "engine",
                                   "plan",
                                   "loader",
                                   "checkpoint",
                                   "sample",
                                   "study",
                                   "collector/range/unobserved",
                                   "collector/range/observed",
                                   "collector/forward"};
const std::set<std::string> gpu_suites{"collector/replay"};

constexpr const char* smallest =
    "^ceiling/product.*float32|^ceiling/copy.*MiB:4/|kernel:normal_noise|"
    "^(kernel|part|forward|train_step)/device:cpu/model:S-4/batch:4/|"
    "^engine/device:cpu/model:S-4/batch:4/.*keep:0.5/which:both|"
    "^plan/device:cpu/model:S-4/batch:4/.*:1_in_5/budget_MB:16/|"
    "^loader/.*threads:2|^checkpoint/|^sample/.*model:S-4|^study/.*model:small|^collector/range/|"
    "^collector/forward/device:cpu/model:S-4|"
    "^(kernel|part|forward|train_step|engine)/device:cuda/model:S-2/batch:16/dtype:bfloat16/|"
    "^collector/(forward|replay)/device:cuda";

std::string output_of(const std::string& options) {
  const dydit::test::TemporaryFolder folder;
  const std::string out = folder.path() / "out", command = DYDIT_BENCH " " + options + " > " + out + " 2> /dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  return dydit::read_file(out);
}

// "forward" of "forward/device:cpu/model:S-4/manual_time": up to the first axis.
std::string suite_of(const std::string& name) {
  std::string suite;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '/') && part != "manual_time" && part.find(':') == part.npos;)
    suite += (suite.empty() ? "" : "/") + part;
  return suite;
}

std::set<std::string> without_gpu(std::set<std::string> all) {
  for (const std::string& suite : gpu_suites) all.erase(suite);
  return all;
}

// Counters that a row of a suite has.
void require_counters(const std::string& suite, const Json& row) {
  const auto positive = [&](const char* counter) {
    INFO(counter);
    REQUIRE(row.contains(counter));
    CHECK(row[counter].get<double>() > 0);
  };
  if (suite == "ceiling/product" || suite == "forward" || suite == "train_step") positive("MACs/s");
  if (suite == "ceiling/copy" || suite == "loader") positive("bytes/s");
  if (suite != "engine") return;
  for (const char* counter : {"MACs/s", "theoretical", "actual", "eta"}) positive(counter);
  CHECK(row["theoretical"].get<double>() > 1.5);  // half of the units
  CHECK(row["eta"].get<double>() ==
        Approx(row["actual"].get<double>() / row["theoretical"].get<double>()).epsilon(1e-6));
}

}  // namespace

TEST_CASE("every suite of benchmarks is listed, with names by axes") {
  std::istringstream lines(output_of("--benchmark_list_tests"));
  std::set<std::string> listed, names;
  for (std::string name; std::getline(lines, name);) {
    INFO(name);
    CHECK(name.ends_with("/manual_time"));
    CHECK(names.insert(name).second);
    listed.insert(suite_of(name));
  }
  CHECK(without_gpu(listed) == suites);
}

TEST_CASE("the smallest cases of every suite of benchmarks run") {
  const Json report = Json::parse(output_of(
      std::string("--benchmark_format=json --benchmark_min_time=0.001 --benchmark_filter='") + smallest + "'"));
  std::set<std::string> ran;
  for (const Json& row : report.at("benchmarks")) {
    const std::string name = row.at("name"), suite = suite_of(name);
    INFO(name << " " << row.value("error_message", ""));
    CHECK_FALSE(row.value("error_occurred", false));
    CHECK(row.at("real_time").get<double>() > 0);
    if (row.value("error_occurred", false)) continue;
    require_counters(suite, row);
    ran.insert(suite);
  }
  CHECK(without_gpu(ran) == suites);
}
