// SPDX-License-Identifier: Apache-2.0
#include "compare/results.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "record/run_directory.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::compare;

// Google Benchmark 1.7.1 with two repetitions.
static const std::string google = R"({
  "context": {
    "date": "2024-05-01T10:00:00+00:00",
    "host_name": "host",
    "executable": "./bench",
    "num_cpus": 2,
    "mhz_per_cpu": 2300,
    "cpu_scaling_enabled": false,
    "caches": [
      {
        "type": "Data",
        "level": 1,
        "size": 49152,
        "num_sharing": 1
      }
    ],
    "load_avg": [0.799316,1.04346,1.43799],
    "library_build_type": "release"
  },
  "benchmarks": [
    {
      "name": "BM_Copy<int>/8",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 0,
      "threads": 1,
      "iterations": 10,
      "real_time": 2.4000000000000000e+02,
      "cpu_time": 1.4000000000000000e+02,
      "time_unit": "ns",
      "INSTRUCTIONS": 1.2345000000000000e+04,
      "items_per_second": 4.1666666666666669e+06,
      "allocs_per_iter": 3.2000000000000002e+00,
      "max_bytes_used": 42,
      "total_allocated_bytes": 128,
      "net_heap_growth": 0,
      "label": "l"
    },
    {
      "name": "BM_Copy<int>/8",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 1,
      "threads": 1,
      "iterations": 10,
      "real_time": 2.6000000000000000e+02,
      "cpu_time": 1.6000000000000000e+02,
      "time_unit": "ns",
      "INSTRUCTIONS": 1.2345000000000000e+04,
      "items_per_second": 3.8461538461538460e+06,
      "allocs_per_iter": 3.2000000000000002e+00,
      "max_bytes_used": 42,
      "total_allocated_bytes": 128,
      "net_heap_growth": 0,
      "label": "l"
    },
    {
      "name": "BM_Copy<int>/8_median",
      "family_index": 0,
      "per_family_instance_index": 0,
      "run_name": "BM_Copy<int>/8",
      "run_type": "aggregate",
      "repetitions": 2,
      "threads": 1,
      "aggregate_name": "median",
      "aggregate_unit": "time",
      "iterations": 2,
      "real_time": 9.9900000000000000e+02,
      "cpu_time": 9.9900000000000000e+02,
      "time_unit": "ns"
    },
    {
      "name": "BM_Broken",
      "family_index": 1,
      "per_family_instance_index": 0,
      "run_name": "BM_Broken",
      "run_type": "iteration",
      "repetitions": 2,
      "repetition_index": 0,
      "threads": 1,
      "error_occurred": true,
      "error_message": "no device",
      "iterations": 1,
      "real_time": 0.0000000000000000e+00,
      "cpu_time": 0.0000000000000000e+00,
      "time_unit": "ns"
    }
  ]
}
)";

// Of nvbench: numbers stand there as texts, "summaries" is null where there are none.
static const std::string nvbench = R"({
  "meta": {"argv": ["./bench", "--json", "out.json"], "version": {"json": {"major": 1, "minor": 0, "patch": 0}}},
  "devices": [{"id": 0, "name": "NVIDIA H200", "sm_version": 900}],
  "benchmarks": [
    {
      "name": "copy",
      "index": 0,
      "devices": [0],
      "axes": [{"name": "T", "type": "type", "flags": ""}, {"name": "Elements{io}", "type": "int64", "flags": "pow2"}],
      "states": [
        {
          "name": "Device=0 T=F32 Elements{io}=2^10",
          "min_samples": 10,
          "device": 0,
          "type_config_index": 0,
          "axis_values": [
            {"name": "T", "type": "string", "value": "F32"},
            {"name": "Elements{io}", "type": "int64", "value": "1024"}
          ],
          "summaries": [
            {"tag": "nv/cold/sample_size", "name": "Samples", "hint": "sample_size",
             "data": [{"name": "value", "type": "int64", "value": "12"}]},
            {"tag": "nv/cold/time/gpu/mean", "name": "GPU Time", "hint": "duration",
             "data": [{"name": "value", "type": "float64", "value": "3e-06"}]},
            {"tag": "nv/cold/time/gpu/median", "name": "Median GPU Time", "hint": "duration", "hide": "hidden",
             "data": [{"name": "value", "type": "float64", "value": "2.5e-06"}]}
          ],
          "is_skipped": false
        },
        {
          "name": "Device=0 T=F64 Elements{io}=2^10",
          "device": 0,
          "axis_values": [
            {"name": "T", "type": "string", "value": "F64"},
            {"name": "Elements{io}", "type": "int64", "value": "1024"}
          ],
          "summaries": null,
          "is_skipped": true,
          "skip_reason": "too large"
        }
      ]
    },
    {
      "name": "host",
      "index": 1,
      "devices": null,
      "axes": null,
      "states": [
        {
          "name": "",
          "device": null,
          "axis_values": null,
          "summaries": [
            {"tag": "nv/cpu_only/time/cpu/mean", "name": "CPU Time",
             "data": [{"name": "hint", "type": "string", "value": "duration"},
                      {"name": "value", "type": "float64", "value": "0.25"}]}
          ],
          "is_skipped": false
        }
      ]
    }
  ]
}
)";

static ProcessRun read(const std::string& text, Clock clock = Clock::real) { return read_json(text, "file", clock); }

// Rows of Google Benchmark, without what surrounds them.
static ProcessRun rows(const std::string& text, Clock clock = Clock::real) {
  return read(R"({"benchmarks": [)" + text + "]}", clock);
}

// "b", with these fields.
static ProcessRun row(const std::string& fields) { return rows(R"({"name": "b", )" + fields + "}"); }

TEST_CASE("Google Benchmark: the median of the repetitions, counts and errors") {
  const ProcessRun run = read(google);
  REQUIRE(run.size() == 2);
  const Measured& copy = run.at("BM_Copy<int>/8");
  CHECK(copy.seconds.value() == Approx(250e-9));
  CHECK(copy.error.empty());
  CHECK(copy.counts ==
        std::map<std::string, double>{
            {"INSTRUCTIONS", 12345}, {"allocs_per_iter", 3.2}, {"max_bytes_used", 42}, {"total_allocated_bytes", 128}});
  CHECK(!run.at("BM_Broken").seconds);
  CHECK(run.at("BM_Broken").error == "failed: no device");
  CHECK(read(google, Clock::cpu).at("BM_Copy<int>/8").seconds.value() == Approx(150e-9));
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
  CHECK(run.at("b").counts.at("allocs_per_iter") == 2);
  // Beside rows of repetitions, before them or behind, they count for nothing.
  CHECK(rows(all + R"(, {"name": "b", "run_name": "b", "real_time": 5})").at("b").seconds.value() == Approx(5e-9));
  CHECK(rows(aggregate("mean", 9)).empty());
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
  CHECK_THROWS_WITH(rows(R"({"name": "b", "real_time": 1})", Clock::cpu), Catch::Contains("no number cpu_time"));
  CHECK_THROWS_WITH(rows(R"({"real_time": 1})"), Catch::Contains("without a name"));
  CHECK_THROWS_AS(rows(R"({"name": 3, "real_time": 1})"), InputError);
  CHECK_THROWS_AS(rows(R"({"name": "", "real_time": 1})"), InputError);
  CHECK_THROWS_AS(row(R"("real_time": 1, "repetition_index": "0")"), InputError);
  CHECK_THROWS_AS(row(R"("real_time": 1, "allocs_per_iter": "0")"), InputError);
  // Without run_name, as older versions write it, the name is it.
  CHECK(rows(R"({"name": "b/repeats:2", "real_time": 1})").contains("b/repeats:2"));
  CHECK(rows(R"({"name": "b_mean", "run_name": "b", "real_time": 1})").contains("b"));
}

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

TEST_CASE("nvbench: medians before means, a state for each benchmark, device and axes") {
  const ProcessRun run = read(nvbench);
  REQUIRE(run.size() == 3);
  CHECK(run.at("copy T=F32 Elements{io}=1024 device=0").seconds.value() == Approx(2.5e-6));
  CHECK(run.at("copy T=F64 Elements{io}=1024 device=0").error == "skipped: too large");
  CHECK(run.at("host").seconds.value() == Approx(0.25));
  CHECK(run.at("host").counts.empty());
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
  CHECK(speed.counts == std::map<std::string, double>{{"gmacs", 3}});
  const Measured& sampling = run.at("sampling model=S/2 steps=50");
  CHECK(sampling.seconds.value() == Approx(0.5));
  CHECK(sampling.counts == std::map<std::string, double>{{"passes", 100}});
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
  CHECK(read_results(folder.path() / "a.json", Clock::cpu).runs.at(0).at("BM_Copy<int>/8").seconds.value() ==
        Approx(150e-9));
}
