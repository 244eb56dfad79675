// SPDX-License-Identifier: Apache-2.0
#include "record/record.h"

#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "catch.h"

using dydit::InputError;
using namespace dydit::record;

TEST_CASE("a record survives its line") {
  Record record{.cell = "c", .study = "loss-gap", .axes = {{"model", "DiT-S/2 \"quoted\"\n"}, {"first", 0}}};
  record.status = Status::skipped;
  record.metrics["time"] = {0.1, "s", {{0.09, 0.12}}, {{0.1, 0.2}, {}}};
  record.tensors = {"a", "b"};
  record.process = "p";
  record.machine = {{"load", 0.5}};
  record.error = "why";
  const std::string line = to_line(record);
  CHECK(line.find('\n') == line.size() - 1);
  const Record back = from_line(line);
  CHECK(to_line(back) == line);
  CHECK(back.axes == record.axes);
  CHECK(back.status == Status::skipped);
  CHECK(back.metrics.at("time").value == 0.1);
  CHECK(back.metrics.at("time").ci95.value()[1] == 0.12);
  CHECK(back.metrics.at("time").blocks == record.metrics.at("time").blocks);
  CHECK(back.tensors == record.tensors);
  CHECK(back.error == "why");
}

TEST_CASE("numbers that are not finite are null in the file and not a number in the program") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  Record record{.cell = "c", .study = "s"};
  record.metrics["m"] = {inf, "s", {{-inf, 1}}, {{std::nan("")}}};
  const std::string line = to_line(record);
  CHECK(line.find(R"("value":null)") != std::string::npos);
  const Metric metric = from_line(line).metrics.at("m");
  CHECK(std::isnan(metric.value));
  CHECK(std::isnan(metric.ci95.value()[0]));
  CHECK(metric.ci95.value()[1] == 1);
  CHECK(std::isnan(metric.blocks[0][0]));
}

TEST_CASE("text that is not UTF-8 does not keep a record from being written") {
  const Record record{.cell = "c", .study = "s", .error = "broken \xff name"};
  CHECK(from_line(to_line(record)).error == "broken \xEF\xBF\xBD name");
}

TEST_CASE("a line that is no record of this schema is refused") {
  const std::string good = to_line({.cell = "c", .study = "s"});
  CHECK_NOTHROW(from_line(good));
  for (const char* bad : {"", "{}", "[]", "3", "not json", R"({"schema": 1})", R"({"schema": 1, "cell": 5})"})
    CHECK_THROWS_AS(from_line(bad), InputError);
  std::string deep = good;
  deep.replace(deep.find("\"axes\":{"), 8, "\"axes\":{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']'));
  CHECK_THROWS_AS(from_line(deep), InputError);
  std::string newer = good;
  newer.replace(newer.find("\"schema\":1"), 10, "\"schema\":2");
  CHECK_THROWS_WITH(from_line(newer), Catch::Contains("schema 2"));
  std::string status = good;
  status.replace(status.find("\"ok\""), 4, "\"fine\"");
  CHECK_THROWS_WITH(from_line(status), Catch::Contains("fine"));
}

// A record whose line has so many bytes, the newline left out.
static Record record_of(std::size_t bytes) {
  Record record{.cell = "c", .study = "s"};
  record.tensors = {""};
  record.tensors.front().assign(bytes + 1 - to_line(record).size(), 'x');
  return record;
}

TEST_CASE("a record is written as long as it can be read back, and becomes a failed one beyond") {
  const Record largest = record_of(4 << 20);
  CHECK(to_line(readable(largest)) == to_line(largest));
  const Record beyond = record_of((4 << 20) + 1);
  const Record failed = readable(beyond);
  CHECK((failed.cell == "c" && failed.study == "s" && failed.status == Status::failed));
  CHECK((failed.tensors.empty() && to_line(failed).size() < 1000));
  CHECK(failed.error.find("4 MiB") != std::string::npos);
  CHECK(to_line(from_line(to_line(failed))) == to_line(failed));

  Record many{.cell = "c", .study = "s"};
  for (int i = 0; i < 1024; ++i) many.metrics[std::to_string(i)] = {};
  CHECK(readable(many).status == Status::ok);
  many.metrics["more"] = {};
  CHECK(readable(many).status == Status::failed);

  Record deep{.cell = "c", .study = "s"};
  for (int i = 0; i < 100; ++i) deep.machine = {{"a", deep.machine}};
  CHECK(readable(deep).status == Status::failed);
  CHECK_THROWS_AS(readable({.cell = "c", .study = "s", .axes = deep.machine}), dydit::RunError);
}

TEST_CASE("a cell's hash depends on what identifies it and not on how it was written") {
  const auto hash = [](const Json& axes) { return cell_hash("s", axes, {"in"}, 1); };
  const std::string base = hash({{"a", 1}, {"b", {{"x", 1}, {"y", 2}}}});
  CHECK(base == hash({{"b", {{"y", 2}, {"x", 1}}}, {"a", 1.0}}));
  CHECK(base != hash({{"a", 1.5}, {"b", {{"x", 1}, {"y", 2}}}}));
  CHECK(base != hash({{"a", "1"}, {"b", {{"x", 1}, {"y", 2}}}}));
  const Json axes = {{"a", 1}};
  const std::set<std::string> different = {cell_hash("s", axes, {"in"}, 1), cell_hash("t", axes, {"in"}, 1),
                                           cell_hash("s", axes, {"im"}, 1), cell_hash("s", axes, {"i", "n"}, 1),
                                           cell_hash("s", axes, {"in"}, 2)};
  CHECK(different.size() == 5);
}

TEST_CASE("a safe name stays inside its folder and apart from others") {
  CHECK(safe_name("DiT-S/2") == "DiT-S--2");
  std::set<std::string> names;
  const std::vector<std::string> inputs = {"a/b",
                                           "a--b",
                                           "a-b",
                                           "a_b",
                                           "a-/b",
                                           "a/-b",
                                           "../x",
                                           "..",
                                           ".",
                                           "",
                                           "/etc/x",
                                           "a b",
                                           "a*b",
                                           "<script>",
                                           "ü",
                                           "\"'`$",
                                           "a\nb",
                                           std::string(300, 'x'),
                                           std::string(301, 'x')};
  for (const std::string& input : inputs) {
    const std::string safe = safe_name(input);
    names.insert(safe);
    CHECK(safe.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
          std::string::npos);
    CHECK(!safe.empty());
    CHECK(safe.front() != '.');
    CHECK(safe.size() < 200);
  }
  CHECK(names.size() == inputs.size());
}
