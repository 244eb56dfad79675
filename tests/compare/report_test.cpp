// SPDX-License-Identifier: Apache-2.0
#include "compare/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/file.h"
#include "catch.h"
#include "made_up_sides.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::compare;
using Json = nlohmann::json;

// What a name can hold that means something in one of the formats, and what no format likes.
static const std::string hostile =
    "a<b> & \"c\" 'd' | `e` \\ % , : ::error:: ]]> {f} *g* \n| h\r\n\ti\x1b[2J\x7f \xff\xfe \xed\xa0\x80 \xc3 "
    "\xef\xbf\xbf ü é";

static const char* const hostile_count = "gmacs | `<\n>";

static const std::string long_name = std::string(499, 'x') + "ü";

// Benchmarks of each verdict, one with counts that rose, one that failed, one that is not in every run, and notes.
static Comparison made_up() {
  std::map<std::string, std::vector<double>> base, candidate;
  const auto add = [&](const std::string& name, double ratio, double spread, std::size_t base_runs = 20) {
    base[name] = test::noisy(base.size(), base_runs, 1e-3, spread);
    candidate[name] = test::noisy(100 + base.size(), 20, 1e-3 * ratio, spread);
  };
  add(hostile, 1.1, 0.001);
  add("zzz ü", 2, 0.001);
  add("faster", 0.8, 0.001);
  add("same", 1, 0.0001);
  add("counted", 1, 0.0001);
  add(long_name, 1, 0.2);
  add("sparse", 1, 0.001, 5);
  add("failed " + hostile, 1, 0.001);
  base["before " + hostile] = candidate["after " + hostile] = {1};
  Results before = test::side_of(base), after = test::side_of(candidate);
  for (std::size_t run = 0; run < 20; ++run) {
    for (const char* count : {"allocs_per_iter", hostile_count}) {
      before.runs[run]["counted"].counts[count] = {5, 5};
      after.runs[run]["counted"].counts[count] = {6, 6};
    }
    after.runs[run]["failed " + hostile] = {.seconds = std::nullopt, .counts = {}, .error = "failed: " + hostile};
  }
  after.notes = {hostile};
  return compare::compare(before, after, {.gated = {"allocs_per_iter", hostile_count}});
}

static std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What stands from a column on; every character here takes one.
static std::string from_column(const std::string& text, std::size_t column) {
  std::size_t at = 0;
  for (; at < text.size(); ++at)
    if ((text[at] & 0xc0) != 0x80 && column-- == 0) break;
  return text.substr(at);
}

// Throws where the text is not UTF-8.
static std::string strict(const std::string& text) { return Json(text).dump(); }

TEST_CASE("the made up comparison has all that a report can tell") {
  const Comparison comparison = made_up();
  CHECK(comparison.benchmarks.size() == 8);
  CHECK(comparison.count(Verdict::slower) == 2);
  CHECK(comparison.count(Verdict::faster) == 1);
  CHECK(comparison.count(Verdict::same) == 2);
  CHECK(comparison.count(Verdict::cannot_tell) == 3);
  CHECK(comparison.risen() == 2);
  CHECK(comparison.notes.size() == 3);
}

TEST_CASE("every format has a name of its own and writes lines of UTF-8") {
  std::set<std::string_view> names;
  for (const Format& format : formats) {
    INFO(format.name);
    names.insert(format.name);
    for (const Comparison& comparison : {made_up(), Comparison{}}) {
      const std::string text = format.text_of(comparison);
      CHECK(text.back() == '\n');
      CHECK_NOTHROW(strict(text));
      CHECK(std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 && c != '\n'; }));
    }
  }
  CHECK(names.size() == formats.size());
}

TEST_CASE("JSON has the keys that programs rely on") {
  const Json all = Json::parse(compare::json(made_up()));
  std::map<std::string, int> verdicts;
  for (const Json& one : all.at("benchmarks")) {
    const auto verdict = one.at("verdict").get<std::string>();
    ++verdicts[verdict];
    CHECK(!one.at("name").get<std::string>().empty());
    CHECK(one.at("runs").size() == 2);
    CHECK(one.at("seconds").at("base").size() == one.at("runs").at(0));
    if (verdict == "cannot-tell") {
      CHECK(!one.at("reason").get<std::string>().empty());
    } else {
      CHECK(one.at("ratio").get<double>() > 0);
      CHECK(one.at("ci95").at(0) <= one.at("ratio"));
      CHECK(one.at("ci95").at(1) >= one.at("ratio"));
      CHECK(one.at("p").is_number());
    }
  }
  CHECK(verdicts == std::map<std::string, int>{{"slower", 2}, {"faster", 1}, {"same", 2}, {"cannot-tell", 3}});
  const Json& suite = all.at("suite");
  CHECK((suite.at("slower") == 2 && suite.at("faster") == 1 && suite.at("same") == 2));
  CHECK((suite.at("cannot_tell") == 3 && suite.at("risen") == 2));
  CHECK(all.at("notes").size() == 3);
  const Json& counted = all.at("benchmarks").at(1);
  CHECK(counted.at("name") == "counted");
  CHECK(counted.at("counts").at("allocs_per_iter").at("candidate") == Json({6.0, 6.0}));
  CHECK(counted.at("counts").at(hostile_count).at("rose") == true);
}

TEST_CASE("JSON of runs that are too few has no end of the interval and no number that there is not") {
  const Results base = test::side_of({{"a", {1, 2, 3}}, {"b", {1}}}),
                candidate = test::side_of({{"a", {4, 5, 6}}, {"b", {1}}});
  const Json all = Json::parse(compare::json(compare::compare(base, candidate)));
  CHECK(all.at("benchmarks").at(0).at("ci95") == Json({0.0, nullptr}));
  for (const char* key : {"ratio", "ci95", "p", "detectable", "counts"})
    CHECK(!all.at("benchmarks").at(1).contains(key));
  CHECK(Json::parse(compare::json({})).at("benchmarks") == Json::array());
}

TEST_CASE("JUnit is XML with a failure for what is worse, and cannot tell is skipped") {
  const test::TemporaryFolder folder;
  write_atomically(folder.path() / "junit.xml", junit(made_up()));
  write_atomically(folder.path() / "check.py", R"(
import sys
import xml.etree.ElementTree as tree

suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
found = suite.findall("testcase")
cases = {case.get("name"): case for case in found}
assert len(cases) == len(found) == int(suite.get("tests")) == 8
assert len(suite.find("system-out").text.splitlines()) == 3  # notes
failed = {name for name, case in cases.items() if case.find("failure") is not None}
skipped = {name for name, case in cases.items() if case.find("skipped") is not None}
assert len(failed) == int(suite.get("failures")) == 3 and {"zzz \u00fc", "counted"} <= failed, failed
assert len(skipped) == int(suite.get("skipped")) == 3 and "sparse" in skipped and not failed & skipped, skipped
assert any(name.startswith("a<b> & \"c\" 'd' | `e` \\ % , : ::error:: ]]> {f} *g*") for name in failed), failed
assert "x" * 499 + "\u00fc" in skipped
assert "allocs_per_iter rose from 5 to 6" in cases["counted"].find("failure").text
assert abs(float(cases["faster"].get("time")) / 0.8e-3 - 1) < 0.01
)");
  CHECK(std::system(fmt::format("cd '{}' && python3 -B check.py junit.xml", folder.path().string()).c_str()) == 0);
}

TEST_CASE("each annotation is one line, whose title ends where it should") {
  std::map<std::string, int> kinds;
  for (const std::string& line : lines_of(annotations(made_up()))) {
    INFO(line);
    ++kinds[line.substr(0, line.find(' '))];
    const auto title = line.find(" title="), message = line.find("::", 2);
    REQUIRE((title != line.npos && message != line.npos && title < message));
    CHECK(line.substr(title + 7, message - title - 7).find_first_of(",:") == std::string::npos);
    for (auto at = line.find('%'); at != line.npos; at = line.find('%', at + 1)) {
      const std::string code = line.substr(at, 3);
      CHECK((code == "%25" || code == "%0A" || code == "%0D" || code == "%3A" || code == "%2C"));
    }
    CHECK(line.find('\r') == std::string::npos);
  }
  // Two that are slower, two counts; one that is faster, the notes, the suite.
  CHECK(kinds == std::map<std::string, int>{{"::error", 4}, {"::notice", 5}});
}

// Bars that no backslash is before.
static std::ptrdiff_t cells_of(const std::string& line) {
  std::ptrdiff_t bars = 0;
  for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
  return bars;
}

TEST_CASE("rows of markdown have as many cells as their head") {
  const std::string text = markdown(made_up());
  int rows = 0;
  std::ptrdiff_t cells = 0;
  for (const std::string& line : lines_of(text)) {
    INFO(line);
    if (line.starts_with("| benchmark |")) cells = cells_of(line);
    if (!line.starts_with("|")) continue;
    ++rows;
    CHECK(cells_of(line) == cells);
    CHECK(line.back() == '|');
  }
  CHECK(rows == 8 + 2 * 2);  // two tables
  CHECK(text.starts_with("**Worse**: 2 slower, 1 faster, 2 same, 3 cannot tell; 2 gated counts rose\n"));
  // Characters of HTML stand for themselves in code, and nowhere else.
  CHECK_THAT(text, Catch::Contains("| `a<b> & \"c\" 'd' \\| 'e'"));
  CHECK_THAT(text, Catch::Contains("gmacs \\| '&lt; > rose"));
  CHECK_THAT(text,
             Catch::Contains("cannot tell: varies by") && Catch::Contains("cannot tell: in the candidate failed"));
  CHECK_THAT(text, Catch::Contains("\n- a&lt;b>"));
  CHECK(markdown(compare::compare(test::side_of({{"a", {1}}}), test::side_of({{"a", {1}}})))
            .starts_with("**Cannot tell**"));
}

TEST_CASE("columns of the table align, whatever the names and however many runs there are") {
  const std::vector<std::string> lines = lines_of(table(made_up()));
  const std::size_t runs = lines[0].find("process runs"), verdict = lines[0].find("verdict");
  REQUIRE((runs != std::string::npos && verdict != std::string::npos));
  int rows = 0, risen = 0;
  for (std::size_t i = 1; i < lines.size() && !lines[i].empty(); ++i) {
    INFO(lines[i]);
    if (lines[i].starts_with("  ")) {
      ++risen;
      CHECK_THAT(lines[i], Catch::Contains(" rose from 5 to 6"));
      continue;
    }
    ++rows;
    const std::string said = from_column(lines[i], verdict);
    CHECK((said == "slower" || said == "faster" || said == "same" || said.starts_with("cannot tell: ")));
    CHECK(from_column(lines[i], verdict - 2).starts_with("  "));
    const bool failed = said.find("failed") != std::string::npos;
    CHECK(from_column(lines[i], runs).starts_with("\xe2\x96") == !failed);  // a bar
  }
  CHECK((rows == 8 && risen == 2));
  CHECK(table(made_up()).find('\x7f') == std::string::npos);
  CHECK_THAT(table(made_up()), Catch::Contains("2 slower, 1 faster, 2 same, 3 cannot tell; 2 gated counts rose\n"));
}

TEST_CASE("axes that all benchmarks have stand below the table, and not in every name") {
  const auto shown = [](const std::vector<std::string>& names) {
    std::map<std::string, std::vector<double>> times;
    for (const std::string& name : names) times[name] = {1};
    const Comparison comparison = compare::compare(test::side_of(times), test::side_of(times));
    CHECK_NOTHROW(strict(markdown(comparison)));
    CHECK(Json::accept(compare::json(comparison)));
    return std::pair(table(comparison), markdown(comparison));
  };
  const auto [text, page] = shown({"speed model=a<b>|\x1b\xff keep=1", "speed keep=2 model=a<b>|\x1b\xff"});
  CHECK_NOTHROW(strict(text));
  CHECK_THAT(text, Catch::Contains("\nspeed keep=1 ") && Catch::Contains("\nspeed keep=2 "));
  CHECK_THAT(text, Catch::Contains("\nall with model=a<b>| \uFFFD\n"));
  CHECK_THAT(page, Catch::Contains("| `speed keep=1` |") && Catch::Contains("with `model=a<b>\\| \uFFFD`\n"));
  // One that a single name has twice is not one of all; where nothing else is left of a name, it stays.
  CHECK_THAT(shown({"a x=1 x=1", "b"}).first, !Catch::Contains("all with"));
  CHECK_THAT(shown({"x=1", "x=1 y=2"}).first, Catch::Contains("\nx=1 ") && Catch::Contains("\ny=2 "));
  CHECK_THAT(shown({"a x=1"}).first, Catch::Contains("\na x=1 "));
}

TEST_CASE("a comment is no longer than GitHub takes") {
  std::map<std::string, std::vector<double>> times;
  for (int i = 0; i < 3000; ++i) times["a benchmark of " + std::to_string(i)] = {1, 1, 1};
  std::map<std::string, std::vector<double>> more = times;
  for (int i = 0; i < 3000; ++i) more["another benchmark of " + std::to_string(i)] = {1};
  const std::string text = markdown(compare::compare(test::side_of(times), test::side_of(more)));
  CHECK_THAT(text, Catch::Contains("is in the candidate alone") && Catch::Contains(" other notes are too many"));
  times.clear();
  const std::string wide = " x=" + std::string(70'000, 'y');  // what all have is no exception
  for (const char* name : {"a", "b"}) times[name + wide] = {1, 1, 1};
  CHECK(markdown(compare::compare(test::side_of(times), test::side_of(times))).size() < 65'536);
  CHECK((text.size() > 50'000 && text.size() < 65'536));
  const auto rows = std::ranges::count(text, '`') / 2;
  CHECK_THAT(text, Catch::Contains(fmt::format("\n- {} other benchmarks are too many for a comment\n", 3000 - rows)));
}

TEST_CASE("two benchmarks never look alike") {
  const auto labels = [](const std::vector<std::string>& names) {
    std::map<std::string, std::vector<double>> times;
    for (const std::string& name : names) times[name] = {1};
    const std::vector<std::string> lines =
        lines_of(table(compare::compare(test::side_of(times), test::side_of(times))));
    std::set<std::string> different;
    for (std::size_t i = 1; i <= names.size(); ++i) different.insert(lines[i].substr(0, lines[i].find("  ")));
    return different;
  };
  const std::string tail(70, 'x');
  CHECK(labels({"a" + tail, "b" + tail}) == std::set<std::string>{"a" + tail, "b" + tail});
  CHECK(labels({"f x=1 y=1 y=2", "f x=1 y=2 y=1"}).size() == 2);
  // Names that are very long take no more room in the other rows.
  const std::string megabytes(8 << 20, 'x');
  std::map<std::string, std::vector<double>> times{{"a" + megabytes, {1}}, {"b" + megabytes, {1}}};
  for (int i = 0; i < 1000; ++i) times[std::to_string(i)] = {1};
  CHECK(table(compare::compare(test::side_of(times), test::side_of(times))).size() < 4 * megabytes.size());
}

TEST_CASE("a long name is cut between characters, at its beginning") {
  const std::string name = std::string(100, 'x') + "ü" + std::string(56, 'y');
  const std::string text = table(compare::compare(test::side_of({{name, {1}}}), test::side_of({{name, {1}}})));
  CHECK_NOTHROW(strict(text));
  CHECK_THAT(text, Catch::Contains("\n..." + std::string(56, 'y') + " "));
}

// The sparkline of these runs.
static std::string sparkline(const std::vector<double>& base, const std::vector<double>& candidate) {
  const std::string text = table(compare::compare(test::side_of({{"a", base}}), test::side_of({{"a", candidate}})));
  const auto begin = text.find("\xe2\x96"), end = text.find("  ", begin);
  return text.substr(begin, end - begin);
}

TEST_CASE("process runs are drawn to one scale, which a disturbed run does not stretch") {
  CHECK(sparkline({1, 1, 1}, {1, 1, 1}) == "▁▁▁ ▁▁▁");
  CHECK(sparkline({1, 1, 1, 1}, {2, 2, 2}) == "▁▁▁▁ ███");
  CHECK(sparkline({1, 2, 3}, {4, 5, 8}) == "▁▂▃ ▄▅█");
  CHECK(sparkline({1, 1.5, 2}, {1, 1.5, 1000}) == "▁▃▅ ▁▃█");
  CHECK(sparkline(std::vector<double>(40, 2), std::vector<double>(5, 1)) == "████████████ ▁▁▁▁▁");
}

TEST_CASE("a suite of thousands of benchmarks is reported in every format") {
  std::map<std::string, std::vector<double>> times;
  for (int i = 0; i < 3000; ++i) times[std::to_string(i)] = {1, 2, 3};
  const Comparison comparison = compare::compare(test::side_of(times), test::side_of(times));
  for (const Format& format : formats) CHECK(!format.text_of(comparison).empty());
}

TEST_CASE("formats of services hold the candidate's times") {
  const Comparison comparison = made_up();
  const Json bencher = Json::parse(bmf(comparison)), action = Json::parse(smaller_is_better(comparison));
  CHECK((bencher.size() == 7 && action.size() == 7));  // one failed
  for (const auto& [name, of] : bencher.items()) {
    const Json& latency = of.at("latency");
    CHECK(latency.at("lower_value") <= latency.at("value"));
    CHECK(latency.at("value") <= latency.at("upper_value"));
  }
  CHECK(bencher.at("faster").at("latency").at("value").get<double>() == Approx(0.8e6).epsilon(0.01));
  for (const Json& one : action) {
    CHECK(one.at("unit") == "ms");
    CHECK((one.at("name").is_string() && one.at("extra").is_string()));
    CHECK_THAT(one.at("range").get<std::string>(), Catch::Contains(" to "));
  }
  CHECK(action.at(1).at("name") == "counted");
  CHECK(action.at(1).at("value").get<double>() == Approx(1).epsilon(0.01));
}
