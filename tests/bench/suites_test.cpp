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

// Of each device what has it among its axes.
using Suites = std::set<std::pair<std::string, std::string>>;

Suites expected(bool gpu, bool kernels) {
  Suites all{{"collector/range/unobserved", ""}, {"collector/range/observed", ""}};
  for (const char* suite : {"ceiling/product", "ceiling/copy", "kernel", "part", "forward", "train_step", "engine",
                            "plan", "loader", "checkpoint", "sample", "study", "collector/forward"})
    all.emplace(suite, "cpu");
  if (!gpu) return all;
  for (const char* suite : {"ceiling/product", "ceiling/copy", "kernel", "part", "forward", "train_step", "engine",
                            "collector/forward", "collector/replay"})
    all.emplace(suite, "cuda");
  if (kernels) all.emplace("gpu_kernel", "cuda");
  return all;
}

constexpr const char* smallest =
    "^ceiling/product.*float32|^ceiling/copy/device:(cpu/MiB:4/|cuda)|kernel:normal_noise|"
    "^(kernel|part|forward|train_step)/device:cpu/model:S-4/batch:4/|"
    "^engine/device:cpu/model:S-4/batch:4/.*keep:0.5/which:both|"
    "^plan/device:cpu/model:S-4/batch:4/.*:1_in_5/budget_MB:16/|"
    "^loader/.*threads:2|^checkpoint/|^sample/.*model:S-4/.*work:images|^study/.*model:small/work:loss_gap|^collector/"
    "range/|"
    "^collector/forward/device:cpu/model:S-4|"
    "^(kernel|part|forward|train_step|engine)/device:cuda/model:S-2/batch:16/dtype:bfloat16/|"
    "^collector/(forward|replay)/device:cuda|"
    "^gpu_kernel/device:cuda/model:S-2/batch:2/";

struct Output {
  int code;
  std::string out;
  bool gpu, kernels;  // a GPU, and one that our kernels are for: else the program says why not
};

Output output_of(const std::string& options) {
  const dydit::test::TemporaryFolder folder;
  const std::string out = folder.path() / "out", err = folder.path() / "err";
  const int code = std::system((DYDIT_BENCH " " + options + " > " + out + " 2> " + err).c_str());
  const std::string said = dydit::read_file(err);
  const bool gpu = said.find("no GPU") == said.npos;
  return {code, dydit::read_file(out), gpu, gpu && said.find("no suite gpu_kernel") == said.npos};
}

// "forward" and "cpu" of "forward/device:cpu/model:S-4/manual_time": what stands before the first axis, and the device.
std::pair<std::string, std::string> suite_of(const std::string& name) {
  std::string suite, device;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '/') && part != "manual_time";) {
    if (part.starts_with("device:")) device = part.substr(part.find(':') + 1);
    if (part.find(':') != part.npos) break;
    suite += (suite.empty() ? "" : "/") + part;
  }
  return {suite, device};
}

// Counters that a row of a suite has.
void require_counters(const std::string& suite, const Json& row) {
  const auto positive = [&](const char* counter) {
    INFO(counter);
    REQUIRE(row.contains(counter));
    CHECK(row[counter].get<double>() > 0);
  };
  if (suite == "ceiling/product" || suite == "forward" || suite == "train_step") positive("MACs/s");
  if (suite == "ceiling/copy" || suite == "loader" || suite == "gpu_kernel") positive("bytes/s");
  if (suite != "engine") return;
  for (const char* counter : {"MACs/s", "theoretical", "actual", "eta"}) positive(counter);
  CHECK(row["theoretical"].get<double>() > 1.5);  // half of the units
  CHECK(row["eta"].get<double>() ==
        Approx(row["actual"].get<double>() / row["theoretical"].get<double>()).epsilon(1e-6));
}

}  // namespace

TEST_CASE("every suite of benchmarks is listed, with names by axes") {
  const auto [code, out, gpu, kernels] = output_of("--benchmark_list_tests");
  REQUIRE(code == 0);
  std::istringstream lines(out);
  Suites listed;
  std::set<std::string> names;
  for (std::string name; std::getline(lines, name);) {
    INFO(name);
    CHECK(name.ends_with("/manual_time"));
    CHECK(names.insert(name).second);
    listed.insert(suite_of(name));
  }
  CHECK(listed == expected(gpu, kernels));
}

TEST_CASE("the smallest cases of every suite of benchmarks run") {
  const auto [code, out, gpu, kernels] = output_of(
      std::string("--benchmark_format=json --benchmark_min_time=0.001 --benchmark_filter='") + smallest + "'");
  const Json report = Json::parse(out);
  Suites ran;
  for (const Json& row : report.at("benchmarks")) {
    const std::string name = row.at("name");
    INFO(name << " " << row.value("error_message", ""));
    CHECK_FALSE(row.value("error_occurred", false));
    if (row.value("error_occurred", false)) continue;
    CHECK(row.at("real_time").get<double>() > 0);
    require_counters(suite_of(name).first, row);
    ran.insert(suite_of(name));
  }
  CHECK(code == 0);  // none has failed
  CHECK(ran == expected(gpu, kernels));
}
