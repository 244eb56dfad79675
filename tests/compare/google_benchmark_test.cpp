// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "catch.h"
#include "result_files.h"

using namespace dydit;
using namespace dydit::compare;
using namespace dydit::test;

TEST_CASE("Google Benchmark: the median of the repetitions, counts and errors") {
  const ProcessRun run = read(google);
  REQUIRE(run.size() == 2);
  const Measured& copy = run.at("BM_Copy<int>/8");
  CHECK(copy.seconds.value() == Approx(250e-9));
  CHECK(copy.error.empty());
  CHECK(copy.counts == std::map<std::string, std::array<double, 2>>{{"INSTRUCTIONS", {12345, 12345}},
                                                                    {"allocs_per_iter", {3.2, 3.2}},
                                                                    {"max_bytes_used", {42, 42}},
                                                                    {"total_allocated_bytes", {128, 128}}});
  CHECK(copy.quantity == "real_time");
  CHECK(!run.at("BM_Broken").seconds);
  CHECK(run.at("BM_Broken").error == "failed: no device");
  CHECK(read(google, {.clock = Clock::cpu}).at("BM_Copy<int>/8").seconds.value() == Approx(150e-9));
}

TEST_CASE("Google Benchmark: of aggregates alone the median is the time") {
  const auto aggregate = [](const std::string& name, double time) {
    return fmt::format(R"({{"name": "b_{0}", "run_name": "b", "run_type": "aggregate", "aggregate_name": "{0}",
      "repetitions": 3, "real_time": {1}, "cpu_time": 1, "time_unit": "ms", "allocs_per_iter": 2}})",
                       name, time);
  };
  const std::string all = aggregate("mean", 9) + "," + aggregate("median", 8) + "," + aggregate("cv", 0.1);
  const ProcessRun run = rows(all);
  REQUIRE(run.size() == 1);
  CHECK(run.at("b").seconds.value() == Approx(8e-3));
  CHECK(run.at("b").counts.at("allocs_per_iter") == std::array{2.0, 2.0});
  // Beside rows of repetitions, before them or behind, they count for nothing.
  CHECK(rows(all + R"(, {"name": "b", "run_name": "b", "real_time": 5})").at("b").seconds.value() == Approx(5e-9));
  CHECK_THROWS_WITH(rows(aggregate("mean", 9)), Catch::Contains("the median is read"));
  CHECK(rows("").empty());
}

TEST_CASE("Google Benchmark: counts of repetitions, and those that are asked for") {
  const std::string text = R"({"name": "b", "repetition_index": 0, "real_time": 1, "allocs_per_iter": 3, "mine": 7},
                              {"name": "b", "repetition_index": 1, "real_time": 1, "allocs_per_iter": 2, "mine": 7})";
  CHECK(rows(text).at("b").counts ==
        std::map<std::string, std::array<double, 2>>{{"allocs_per_iter", {2, 3}}});  // whatever their order
  CHECK(rows(text, {.counts = {"mine", "allocs_per_iter"}}).at("b").counts ==
        std::map<std::string, std::array<double, 2>>{{"allocs_per_iter", {2, 3}}, {"mine", {7, 7}}});
  CHECK_THROWS_WITH(rows(R"({"name": "b", "real_time": 1, "mine": "7"})", {.counts = {"mine"}}),
                    Catch::Contains("no number mine"));
}

TEST_CASE("Google Benchmark: each row has its unit") {
  for (const auto& [unit, seconds] : {std::pair{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}}) {
    const std::string fields = fmt::format(R"("real_time": 3, "time_unit": "{}")", unit);
    CHECK(row(fields).at("b").seconds.value() == Approx(3 * seconds));
  }
  CHECK(row(R"("real_time": 3)").at("b").seconds.value() == Approx(3e-9));
  const ProcessRun mixed = rows(R"({"name": "b", "repetition_index": 0, "real_time": 3, "time_unit": "us"},
                                   {"name": "b", "repetition_index": 1, "real_time": 3000, "time_unit": "ns"})");
  CHECK(mixed.at("b").seconds.value() == Approx(3e-6));
  CHECK_THROWS_WITH(row(R"("real_time": 3, "time_unit": "h")"), Catch::Contains("\"h\"") && Catch::Contains("file, b"));
}

TEST_CASE("Google Benchmark: a row that failed or was skipped is a benchmark without a time") {
  CHECK(row(R"("error_occurred": true, "real_time": 0)").at("b").error == "failed: no message");
  CHECK(row(R"("skipped": true, "skip_message": "no GPU", "real_time": 0)").at("b").error == "skipped: no GPU");
  CHECK(row(R"("error_occurred": false, "real_time": 1)").at("b").error.empty());
  // One repetition of two is enough.
  const ProcessRun run = rows(R"({"name": "b", "repetition_index": 0, "real_time": 1},
                                 {"name": "b", "repetition_index": 1, "error_occurred": true, "error_message": "x"})");
  CHECK(!run.at("b").seconds);
  CHECK(run.at("b").error == "failed: x");
}

TEST_CASE("Google Benchmark: two benchmarks of one name are refused") {
  const std::string again = R"({"name": "b", "repetition_index": 0, "real_time": 1})";
  CHECK_THROWS_WITH(rows(again + "," + again), Catch::Contains("two benchmarks of one name"));
  CHECK_NOTHROW(rows(again));
  const std::string plain = R"({"name": "b", "real_time": 1})";
  CHECK_THROWS_WITH(rows(plain + "," + plain), Catch::Contains("two benchmarks of one name"));
}

TEST_CASE("Google Benchmark: times that are none are refused") {
  for (const char* time : {"0", "-0.0", "-1", "1e-300", "1e300", "null", "\"1\"", "[1]", "true"}) {
    INFO(time);
    CHECK_THROWS_AS(row(fmt::format(R"("real_time": {})", time)), InputError);
  }
  for (const char* time : {"1e400", "", "01"}) {
    INFO(time);
    CHECK_THROWS_WITH(row(fmt::format(R"("real_time": {})", time)), Catch::Contains("not JSON"));
  }
  // Which are no JSON, but Google Benchmark writes them.
  for (const char* time : {"NaN", "-NaN", "Infinity", "-Infinity"}) {
    INFO(time);
    CHECK_THROWS_WITH(row(fmt::format(R"("real_time": {})", time)), Catch::Contains("no number real_time"));
  }
  const ProcessRun run = rows(R"({"name": "NaN \" NaN", "real_time": 1},
    {"name": "b_cv", "run_type": "aggregate", "aggregate_name": "cv", "real_time": NaN})");
  CHECK(run.size() == 1);
  CHECK(run.contains("NaN \" NaN"));
  CHECK_THROWS_WITH(row(R"("real_time": -1)"), Catch::Contains("file, b") && Catch::Contains("-1e-09 s"));
  // Two of these would be infinite when added up for their median.
  CHECK_THROWS_AS(row(R"("real_time": 1.7e308, "time_unit": "s")"), InputError);
}

TEST_CASE("Google Benchmark: fields that are missing or of another type are refused or do without") {
  CHECK_THROWS_WITH(row(R"("cpu_time": 1)"), Catch::Contains("no number real_time"));
  CHECK_THROWS_WITH(rows(R"({"name": "b", "real_time": 1})", {.clock = Clock::cpu}),
                    Catch::Contains("no number cpu_time"));
  CHECK_THROWS_WITH(rows(R"({"real_time": 1})"), Catch::Contains("without a name"));
  CHECK_THROWS_AS(rows(R"({"name": 3, "real_time": 1})"), InputError);
  CHECK_THROWS_AS(rows(R"({"name": "", "real_time": 1})"), InputError);
  CHECK_THROWS_AS(row(R"("real_time": 1, "repetition_index": "0")"), InputError);
  CHECK_THROWS_AS(row(R"("real_time": 1, "allocs_per_iter": "0")"), InputError);
  // Without run_name, as older versions write it, the name is it.
  CHECK(rows(R"({"name": "b/repeats:2", "real_time": 1})").contains("b/repeats:2"));
  CHECK(rows(R"({"name": "b_mean", "run_name": "b", "real_time": 1})").contains("b"));
}
