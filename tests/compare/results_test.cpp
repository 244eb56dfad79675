// SPDX-License-Identifier: Apache-2.0
#include "compare/results.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "record/run_directory.h"
#include "result_files.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::compare;
using namespace dydit::test;

TEST_CASE("what is no list of benchmarks is refused") {
  for (const char* text : {"", " ", "null", "3", "[]", "{}", R"({"benchmarks": {}})", R"({"benchmarks": 3})",
                           R"({"benchmarks": null})", R"([{"benchmarks": []}])", R"({"benchmarks": [1, 2]})",
                           R"({"benchmarks": [null]})", R"({"benchmarks": [[]]})", R"({"benchmarks": ["states"]})"}) {
    INFO(text);
    CHECK_THROWS_AS(read(text), InputError);
  }
  CHECK_THROWS_WITH(read("{}"), Catch::Contains("file") && Catch::Contains("no list of benchmarks"));
  CHECK(rows("").empty());
  CHECK_THROWS_AS(read(std::string(100'000, '[')), InputError);
  CHECK_THROWS_AS(rows(R"({"name": "b", "real_time": 1, "x": )" + std::string(20, '[') + std::string(20, ']') + "}"),
                  InputError);
}

TEST_CASE("a text that ends early is refused, wherever it does") {
  for (const std::string& whole : {google, nvbench})
    for (std::size_t size = 0; size < whole.rfind('}'); ++size)
      REQUIRE_THROWS_AS(read(whole.substr(0, size)), InputError);
}

TEST_CASE("a file has at most 64 MiB") {
  std::string text = R"({"benchmarks": []})";
  text.resize(64 << 20, ' ');
  CHECK(read(text).empty());
  CHECK_THROWS_WITH(read(text + " "), Catch::Contains("64 MiB"));
}

TEST_CASE("a million benchmarks are read") {
  std::string text = R"({"benchmarks": [)";
  for (int i = 0; i < 1'000'000; ++i)
    text += fmt::format(R"({}{{"name":"benchmark/{}","real_time":1}})", i > 0 ? "," : "", i);
  const ProcessRun run = read(text + "]}");
  CHECK(run.size() == 1'000'000);
  CHECK(run.at("benchmark/999999").seconds.value() == 1e-9);
}

TEST_CASE("thousands of repetitions have a median") {
  std::string text;
  for (int i = 1; i <= 5000; ++i)
    text += fmt::format(R"({}{{"name": "b", "repetition_index": {}, "real_time": {}}})", i > 1 ? "," : "", i, i);
  CHECK(rows(text).at("b").seconds.value() == Approx(2500.5e-9));
}

// A cell of a run directory.
static record::Record cell(const std::string& name, const std::string& study, const record::Json& axes,
                           const std::map<std::string, double>& metrics) {
  record::Record record{.cell = name, .study = study, .axes = axes};
  for (const auto& [metric, value] : metrics) record.metrics[metric] = {value, "", {}, {}};
  return record;
}

static void write_run(const std::filesystem::path& path, double milliseconds) {
  record::RunDirectory run(path, record::Json::object());
  run.append(cell("1", "speed", {{"model", "S/2"}, {"keep", 0.5}, {"kept", {1, 2}}},
                  {{"time", milliseconds}, {"latency", 99}, {"gmacs", 3}, {"speedup", 2}}));
  run.append(cell("2", "sampling", {{"model", "S/2"}, {"steps", 50}}, {{"image_time", 500}, {"passes", 100}}));
  run.append(cell("3", "loss-gap", {{"model", "S/2"}, {"first", 0}}, {{"mse", 0.1}}));
  record::Record failed = cell("4", "speed", {{"model", "XL/2"}}, {{"time", std::nan("")}});
  failed.status = record::Status::failed;
  failed.error = "out of memory";
  run.append(failed);
}

TEST_CASE("a run directory: a benchmark for each cell with a time, whose axes are its name") {
  const test::TemporaryFolder folder;
  write_run(folder.path() / "run", 2);
  const Results results = read_results(folder.path() / "run");
  REQUIRE(results.runs.size() == 1);
  const ProcessRun& run = results.runs[0];
  REQUIRE(run.size() == 3);
  const Measured& speed = run.at("speed model=S/2 keep=0.5 kept=[1,2]");
  CHECK(speed.seconds.value() == Approx(2e-3));
  CHECK(speed.counts == std::map<std::string, std::array<double, 2>>{{"gmacs", {3, 3}}});
  CHECK(speed.quantity == "time");
  const Measured& sampling = run.at("sampling model=S/2 steps=50");
  CHECK(sampling.seconds.value() == Approx(0.5));
  CHECK(sampling.counts == std::map<std::string, std::array<double, 2>>{{"passes", {100, 100}}});
  CHECK(sampling.quantity == "image_time");
  CHECK(read_results(folder.path() / "run", {.counts = {"speedup"}})
            .runs[0]
            .at("speed model=S/2 keep=0.5 kept=[1,2]")
            .counts.contains("speedup"));
  CHECK(run.at("speed model=XL/2").error == "out of memory");
  CHECK(!run.at("speed model=XL/2").seconds);
}

TEST_CASE("a run directory with a time that is none, or with two cells of one name, is refused") {
  const test::TemporaryFolder folder;
  record::RunDirectory(folder.path() / "zero", record::Json::object())
      .append(cell("1", "speed", {{"model", "a"}}, {{"time", 0}}));
  CHECK_THROWS_WITH(read_results(folder.path() / "zero"), Catch::Contains("results.jsonl, speed model=a"));
  record::RunDirectory twice(folder.path() / "twice", record::Json::object());
  for (const char* name : {"1", "2"}) twice.append(cell(name, "speed", {{"model", "a"}}, {{"time", 1}}));
  CHECK_THROWS_WITH(read_results(folder.path() / "twice"), Catch::Contains("two benchmarks of one name"));
  write_atomically(folder.path() / "zero" / "results.jsonl", "{}\n{}\n");
  CHECK_THROWS_AS(read_results(folder.path() / "zero"), InputError);
}

TEST_CASE("a folder is a process run for each result in it, in the order of names") {
  const test::TemporaryFolder folder;
  write_run(folder.path() / "a", 3);
  write_atomically(folder.path() / "c.json", R"({"benchmarks": [{"name": "b", "real_time": 1}]})");
  write_run(folder.path() / "b", 4);
  write_atomically(folder.path() / "d.json", nvbench);
  const Results results = read_results(folder.path());
  CHECK(results.path == folder.path());
  REQUIRE(results.runs.size() == 4);
  CHECK(results.runs[0].at("speed model=S/2 keep=0.5 kept=[1,2]").seconds.value() == Approx(3e-3));
  CHECK(results.runs[1].at("speed model=S/2 keep=0.5 kept=[1,2]").seconds.value() == Approx(4e-3));
  CHECK(results.runs[2].contains("b"));
  CHECK(results.runs[3].contains("host"));
  CHECK(results.notes.empty());
}

TEST_CASE("what else lies in a folder is noted, and a bad result in it refused by its name") {
  const test::TemporaryFolder folder;
  write_atomically(folder.path() / "a.json", R"({"benchmarks": [{"name": "b", "real_time": 1}]})");
  write_atomically(folder.path() / "README", "text");
  std::filesystem::create_directory(folder.path() / "empty");
  std::filesystem::create_directory(folder.path() / "folder.json");
  std::filesystem::create_symlink("loop.json", folder.path() / "loop.json");
  std::filesystem::create_symlink("nowhere", folder.path() / "dangling.json");
  const Results results = read_results(folder.path());
  CHECK(results.runs.size() == 1);
  CHECK(results.notes.size() == 5);
  CHECK_THAT(results.notes.at(0), Catch::Contains("README is no result"));
  write_atomically(folder.path() / "b.json", "{");
  CHECK_THROWS_WITH(read_results(folder.path()), Catch::Contains("b.json"));
}

TEST_CASE("a folder without results and a path that leads nowhere are refused") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_results(folder.path()), Catch::Contains("no results in the folder"));
  write_atomically(folder.path() / "README", "text");
  CHECK_THROWS_AS(read_results(folder.path()), InputError);
  CHECK_THROWS_WITH(read_results(folder.path() / "gone.json"), Catch::Contains("no such file"));
  CHECK_THROWS_AS(read_results(std::string(5000, 'x')), InputError);
  CHECK_THROWS_AS(read_results(""), InputError);
  CHECK_THROWS_AS(read_results(folder.path() / "README"), InputError);
  write_atomically(folder.path() / "empty.json", "");
  CHECK_THROWS_AS(read_results(folder.path() / "empty.json"), InputError);
}

TEST_CASE("a file is read with the clock that is asked for") {
  const test::TemporaryFolder folder;
  write_atomically(folder.path() / "a.json", google);
  CHECK(read_results(folder.path() / "a.json", {.clock = Clock::cpu}).runs.at(0).at("BM_Copy<int>/8").seconds.value() ==
        Approx(150e-9));
}
