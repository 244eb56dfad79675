// SPDX-License-Identifier: Apache-2.0
// Run directories that are made, killed, resumed and read.
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "checkpoint/tensor.h"
#include "record/manifest.h"
#include "record/run_directory.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::record;

static const Json manifest = {{"identity", {{"profile", {{"steps", 50}, {"models", {"S", "XL"}}}}, {"source", "abc"}}}};

static Record result(const std::string& cell, double value = 1, Status status = Status::ok) {
  Record record{.cell = cell, .study = "s", .status = status};
  record.metrics["m"] = {value, "s"};
  return record;
}

static void append_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

TEST_CASE("a run is written and read") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "runs" / "a";
  const std::vector<float> values = {1, 2};
  {
    RunDirectory run(path, manifest);
    CHECK(!run.finished());
    run.write_tensors("t", {{"x", checkpoint::Tensor::of<float>(values, {2})}});
    run.append(result("one"));
    run.append(result("two"));
    run.append(result("one", 7));
    CHECK(run.has_or_takes_back("one"));
    CHECK(!run.has_or_takes_back("three"));
    run.describe("models", Json::array({"S"}));
    run.finish();
    CHECK(run.finished());
  }
  const Run run = read_run(path);
  REQUIRE(run.records.size() == 2);
  CHECK(run.records[0].metrics.at("m").value == 7);
  CHECK(run.records[1].cell == "two");
  CHECK(run.manifest["schema"] == 1);
  CHECK(run.manifest["identity"] == manifest["identity"]);
  CHECK(run.manifest["models"][0] == "S");
  CHECK(run.manifest["end"].get<std::string>() >= run.manifest["start"].get<std::string>());
  CHECK(run.tensors("t").at("x").as<float>()[1] == 2);
  for (const char* bad : {"../t", "", ".hidden", "a/b"}) CHECK_THROWS_AS(run.tensors(bad), InputError);
}

TEST_CASE("a line torn at any byte is dropped when reading and cut off when resuming") {
  const test::TemporaryFolder folder;
  const std::string line = to_line(result("torn"));
  for (std::size_t kept = 1; kept < line.size(); ++kept) {
    const auto path = folder.path() / std::to_string(kept);
    { RunDirectory(path, manifest).append(result("first")); }
    append_text(path / "results.jsonl", line.substr(0, kept));
    // The record is whole when nothing but its newline is missing.
    const std::size_t whole = kept + 1 == line.size() ? 2 : 1;
    REQUIRE(read_run(path).records.size() == whole);
    {
      RunDirectory run(path, manifest);
      REQUIRE(run.has_or_takes_back("torn") == (whole == 2));
      run.append(result("next"));
    }
    REQUIRE(read_run(path).records.size() == whole + 1);
  }
}

TEST_CASE("a bad line elsewhere is refused with its number") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory(path, manifest).append(result("first")); }
  append_text(path / "results.jsonl", "{\"schema\": 1, \n" + to_line(result("last")));
  CHECK_THROWS_WITH(read_run(path), Catch::Contains("results.jsonl, line 2"));
  CHECK_THROWS_AS(RunDirectory(path, manifest), InputError);
}

TEST_CASE("a last line of another schema is refused, not dropped") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory run(path, manifest); }
  append_text(path / "results.jsonl", "{\"schema\": 9}\n");
  CHECK_THROWS_WITH(read_run(path), Catch::Contains("schema 9") && Catch::Contains("line 1"));
}

TEST_CASE("only one process writes a run") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  {
    const RunDirectory run(path, manifest);
    CHECK_THROWS_AS(RunDirectory(path, manifest), RunError);
    CHECK_NOTHROW(read_run(path));
  }
  CHECK_NOTHROW(RunDirectory(path, manifest));
}

TEST_CASE("another identity is refused with what differs, and forced on request") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory(path, manifest).append(result("first")); }
  Json other = manifest;
  other["identity"]["profile"]["steps"] = 60;
  CHECK_THROWS_WITH(RunDirectory(path, other), Catch::Contains("/profile/steps: 60 where the run has 50"));
  CHECK_THROWS_AS(RunDirectory(path, other), UsageError);
  Json longer = manifest;
  longer["identity"]["profile"]["models"].push_back("B");
  CHECK_THROWS_WITH(RunDirectory(path, longer), Catch::Contains("/profile/models/2: \"B\" where the run has nothing"));
  Json shorter = manifest;
  shorter["identity"].erase("source");
  CHECK_THROWS_WITH(RunDirectory(path, shorter), Catch::Contains("/source: nothing where the run has \"abc\""));
  {
    RunDirectory run(path, other, {.force = true});
    CHECK(run.has_or_takes_back("first"));
    CHECK(run.manifest()["forced"].size() == 1);
  }
  CHECK_NOTHROW(RunDirectory(path, other));
}

namespace {

std::vector<std::string> cells_of(const std::filesystem::path& run) {
  std::vector<std::string> cells;
  for (const Record& record : read_run(run).records) cells.push_back(record.cell);
  return cells;
}

using Cells = std::vector<std::string>;

}  // namespace

TEST_CASE("a forced run holds what somebody asked for; the rest is set aside, and told in the log") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  {
    RunDirectory run(path, manifest);
    for (const char* cell : {"old", "kept", "redone"}) run.append(result(cell));
    run.finish();
  }
  Json other = manifest;
  other["identity"]["source"] = "def";
  {
    RunDirectory run(path, other, {.force = true});
    CHECK(!run.finished());
    CHECK(cells_of(path).empty());  // never what two identities recorded
    CHECK(run.has_or_takes_back("kept"));
    run.append(result("redone", 2));
    run.append(result("new"));
    CHECK((cells_of(path) == Cells{"kept", "redone", "new"}));
    run.finish();
  }
  CHECK((cells_of(path) == Cells{"kept", "redone", "new"}));
  CHECK_THAT(read_file(path / "log.txt"), Catch::Contains("/source: \"def\" where the run has \"abc\"") &&
                                              Catch::Contains("3 records set aside in earlier/"));
}

TEST_CASE("once a run was forced, later ones drop nothing, and what was set aside comes back when asked for") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  {
    RunDirectory run(path, manifest);
    for (const char* cell : {"A", "B"}) run.append(result(cell));
  }
  Json other = manifest;
  other["identity"]["source"] = "def";
  RunDirectory(path, other, {.force = true}).append(result("A", 2));  // killed before B was asked for
  {
    RunDirectory run(path, other);
    CHECK(run.has_or_takes_back("B"));
    run.finish();
  }
  CHECK((cells_of(path) == Cells{"A", "B"}));
  {
    RunDirectory run(path, other);
    CHECK(run.has_or_takes_back("A"));
    run.finish();
  }
  CHECK((cells_of(path) == Cells{"A", "B"}));
  // And back: of A, set aside twice, the newer one.
  {
    RunDirectory run(path, manifest, {.force = true});
    CHECK(run.has_or_takes_back("A"));
    run.finish();
  }
  CHECK(read_run(path).records.at(0).metrics.at("m").value == 2);
  {
    RunDirectory run(path, manifest);
    CHECK(run.has_or_takes_back("B"));
    CHECK(!run.finished());
  }
  CHECK((cells_of(path) == Cells{"A", "B"}));
}

TEST_CASE("a record says which process measured it in which state of the machine; a copy keeps its own") {
  const test::TemporaryFolder folder;
  RunDirectory run(folder.path() / "a", manifest);
  run.append(result("measured"));
  Record copied = result("copied");
  copied.process = "another";
  run.copy(copied);
  CHECK(run.records()[0].process == process_id());
  CHECK(run.records()[0].machine.at("load").get<double>() >= 0);
  CHECK(run.records()[0].machine.at("cpu_mhz").is_number());
  CHECK(run.records()[1].process == "another");
  CHECK(run.records()[1].machine.empty());
}

TEST_CASE("the log tells what happened to a run") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  Json started = manifest;
  started["argv"] = {"dydit", "study"};
  {
    RunDirectory run(path, started);
    Record failed = result("f", 0, Status::failed);
    failed.error = "out of memory";
    run.append(failed);
  }
  RunDirectory(path, started).finish();
  RunDirectory(path, started).finish();
  const std::string log = read_file(path / "log.txt");
  std::size_t at = 0;
  for (const char* expected :
       {R"(started by ["dydit","study"])", "failed: {}: out of memory", R"(resumed by ["dydit","study"])", "finished",
        R"(opened, finished, by ["dydit","study"])"}) {
    CAPTURE(log, expected);
    at = log.find(expected, at);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("failed cells run again when asked") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory(path, manifest).append(result("f", 0, Status::failed)); }
  CHECK(RunDirectory(path, manifest).has_or_takes_back("f"));
  CHECK(!RunDirectory(path, manifest, {.retry_failed = true}).has_or_takes_back("f"));
}

TEST_CASE("a finished run that is opened again stays as it is until something is added") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory(path, manifest).finish(); }
  const std::string before = read_file(path / "manifest.json");
  { RunDirectory(path, manifest).finish(); }
  CHECK(read_file(path / "manifest.json") == before);
  RunDirectory run(path, manifest);
  run.append(result("new"));
  CHECK(!run.finished());
  CHECK(read_run(path).manifest["end"].is_null());
}

TEST_CASE("a folder of something else is left alone") {
  const test::TemporaryFolder folder;
  append_text(folder.path() / "thesis.tex", "x");
  CHECK_THROWS_AS(RunDirectory(folder.path(), manifest), UsageError);
  CHECK(folder.entries() == 1);
  CHECK_THROWS_AS(read_run(folder.path()), InputError);
  CHECK_THROWS_AS(RunDirectory(folder.path() / "thesis.tex" / "run", manifest), RunError);
}

TEST_CASE("a run killed before its manifest was written starts anew") {
  const test::TemporaryFolder folder;
  append_text(folder.path() / "lock", "");
  append_text(folder.path() / "manifest.json.part", "{");
  CHECK_NOTHROW(RunDirectory(folder.path(), manifest));
}

TEST_CASE("of a run killed while it wrote tensors, the torn file goes and the others stay") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  { RunDirectory(path, manifest).append(result("first")); }
  for (const char* name : {"tensors", "checkpoints"}) {
    std::filesystem::create_directories(path / name);
    append_text(path / name / "x.safetensors", "whole");
    append_text(path / name / "y.safetensors.part", "torn");
  }
  { RunDirectory run(path, manifest); }
  for (const char* name : {"tensors", "checkpoints"}) {
    CHECK(std::filesystem::exists(path / name / "x.safetensors"));
    CHECK(!std::filesystem::exists(path / name / "y.safetensors.part"));
  }
}

TEST_CASE("a manifest of brackets alone is refused") {
  const test::TemporaryFolder folder;
  append_text(folder.path() / "manifest.json",
              "{\"schema\": 1, \"identity\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}");
  CHECK_THROWS_AS(read_run(folder.path()), InputError);
  CHECK_THROWS_AS(RunDirectory(folder.path(), manifest), InputError);
}

TEST_CASE("a manifest of very many keys, or a very long one, is refused, as it would take long to read") {
  const test::TemporaryFolder folder;
  const auto reads = [&](const Json& one) {
    write_atomically(folder.path() / "manifest.json", one.dump());
    return read_run(folder.path());
  };
  Json many = {{"schema", 1}, {"wide", Json::object()}};
  for (int i = 0; i < 1024; ++i) many["wide"][std::to_string(i)] = {{"a", i}};
  CHECK_NOTHROW(reads(many));
  CHECK_NOTHROW(reads({{"schema", 1}, {"a", many["wide"]}, {"b", many["wide"]}}));
  many["wide"]["more"] = 0;
  CHECK_THROWS_WITH(reads(many), Catch::Contains("1,024 keys"));
  CHECK_THROWS_AS(reads({{"schema", 1}, {"text", std::string(4 << 20, 'x')}}), InputError);
}

TEST_CASE("a record that could not be read back does not take the run with it") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  {
    RunDirectory run(path, manifest);
    Record large = result("large");
    large.metrics["m"].blocks.assign(100'000, std::vector<double>(3, 1.0 / 3));
    run.append(large);
    run.append(result("small"));
    CHECK(run.records()[0].status == Status::failed);
    run.finish();
  }
  const Run run = read_run(path);
  REQUIRE(run.records.size() == 2);
  CHECK((run.records[0].cell == "large" && run.records[0].status == Status::failed));
  CHECK(run.records[0].error.find("could not be read back") != std::string::npos);
  CHECK(run.records[1].status == Status::ok);
  CHECK(read_file(path / "log.txt").find("failed: ") != std::string::npos);
}

TEST_CASE("a manifest that could not be read back is refused before anything is made of it") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  Json wide = manifest, long_one = manifest;
  for (int i = 0; i <= 1024; ++i) wide["identity"]["weights"][std::to_string(i)] = i;
  long_one["identity"]["note"] = std::string(4 << 20, 'x');
  for (const Json& beyond : {wide, long_one}) {
    CHECK_THROWS_AS(RunDirectory(path, beyond), UsageError);
    CHECK(!std::filesystem::exists(path));
  }
  { RunDirectory(path, manifest).append(result("first")); }
  CHECK_THROWS_AS(RunDirectory(path, wide, {.force = true}), UsageError);
  RunDirectory run(path, manifest);
  CHECK(run.records().size() == 1);
  CHECK_THROWS_AS(run.describe("models", wide["identity"]["weights"]), UsageError);
  CHECK(read_run(path).records.size() == 1);
}

TEST_CASE("what differs is found among very many values") {
  ::alarm(10);  // whose signal ends the program
  Json one = std::vector<int>(200'000, 7), other = one;
  other[100'000] = 8;
  CHECK(differences(one, other) == std::vector<std::string>{"/100000: 8 where the run has 7"});
  ::alarm(0);
  CHECK(differences({{"b", 1}, {"a", {2}}}, {{"a", {3}}, {"c/d", 4}}) ==  // in their order
        std::vector<std::string>{"/b: nothing where the run has 1", "/a/0: 3 where the run has 2",
                                 "/c~1d: 4 where the run has nothing"});
}

TEST_CASE("a manifest of another schema is refused") {
  const test::TemporaryFolder folder;
  for (const char* text : {"{\"schema\": 2}", "{}", "[]", "{"}) {
    write_atomically(folder.path() / "manifest.json", text);
    CHECK_THROWS_AS(read_run(folder.path()), InputError);
    CHECK_THROWS_AS(RunDirectory(folder.path(), manifest), InputError);
  }
}
