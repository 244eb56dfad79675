// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "catch.h"
#include "result_files.h"

using namespace dydit;
using namespace dydit::compare;
using namespace dydit::test;

TEST_CASE("nvbench: medians before means, a state for each benchmark, device and axes") {
  const ProcessRun run = read(nvbench);
  REQUIRE(run.size() == 3);
  CHECK(run.at("copy T=F32 Elements{io}=1024 device=0").seconds.value() == Approx(2.5e-6));
  CHECK(run.at("copy T=F64 Elements{io}=1024 device=0").error == "skipped: too large");
  CHECK(run.at("host").seconds.value() == Approx(0.25));
  CHECK(run.at("host").counts.empty());
  CHECK(run.at("host").quantity == "nv/cpu_only/time/cpu/mean");
  const char* const asked = "nv/cpu_only/time/cpu/mean";  // any summary can be
  CHECK(read(nvbench, {.counts = {asked}}).at("host").counts.at(asked) == std::array{0.25, 0.25});
}

// One state of a benchmark "b".
static ProcessRun state(const std::string& fields) {
  return read(R"({"benchmarks": [{"name": "b", "states": [{)" + fields + "}]}]}");
}

static ProcessRun summary(const std::string& value) {
  return state(R"("summaries": [{"tag": "nv/cold/time/gpu/mean", "data": [{"name": "value", "value": )" + value +
               "}]}]");
}

TEST_CASE("nvbench: values are texts or numbers, and anything else is refused") {
  CHECK(summary("\"1e-3\"").at("b").seconds.value() == 1e-3);
  CHECK(summary("1e-3").at("b").seconds.value() == 1e-3);
  for (const char* value : {"\"\"", "\"x\"", "\"1 \"", "\" 1\"", "\"1s\"", "\"nan\"", "\"inf\"", "\"1e400\"", "\"0\"",
                            "\"-1\"", "0", "null", "true", "[1]", "{}"}) {
    INFO(value);
    CHECK_THROWS_WITH(summary(value), Catch::Contains("file, b"));
  }
  CHECK_THROWS_WITH(state(R"("summaries": [{"tag": "nv/cold/time/gpu/mean"}])"), Catch::Contains("without a value"));
}

TEST_CASE("nvbench: what has no time is a benchmark with an error") {
  CHECK(state("").at("b").error == "no time");
  CHECK(state(R"("summaries": [{"tag": "nv/cold/bw", "data": []}, 3, {"tag": 4}])").at("b").error == "no time");
  CHECK(state(R"("is_skipped": true)").at("b").error == "skipped: no reason");
  CHECK(state(R"("device": "x", "axis_values": [3, {"name": "a"}])").contains("b a=?"));
}

TEST_CASE("nvbench: two states of one name, names that are too long and states that are none are refused") {
  const auto benchmark = [](const std::string& name, const std::string& states) {
    return read(fmt::format(R"({{"benchmarks": [{{"name": "{}", "states": [{}]}}]}})", name, states));
  };
  CHECK(benchmark("b", R"({"device": 0}, {"device": 1})").size() == 2);
  CHECK_THROWS_WITH(benchmark("b", "{}, {}"), Catch::Contains("two benchmarks of one name"));
  CHECK_THROWS_WITH(benchmark("b", "3"), Catch::Contains("no object"));
  CHECK_THROWS_WITH(benchmark("", "{}"), Catch::Contains("without a name"));
  // Each state has it once more: a file of few bytes would fill the memory.
  CHECK(benchmark(std::string(128, 'x'), "{}").size() == 1);
  CHECK_THROWS_WITH(benchmark(std::string(129, 'x'), "{}"), Catch::Contains("too long"));
  CHECK_THROWS_AS(read(R"({"benchmarks": [{"name": "b", "states": []}, 3]})"), InputError);
}
