// SPDX-License-Identifier: Apache-2.0
// dydit compare and sweep --processes: what a user sees of them. What a verdict is, is in tests/compare.
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "process.h"

using namespace dydit;
using Catch::Matchers::Contains;
using Json = nlohmann::ordered_json;
using test::run_dydit;

namespace {

std::string google(double nanoseconds) {
  return fmt::format(R"({{"benchmarks": [{{"name": "a", "real_time": {}, "time_unit": "ns"}}]}})", nanoseconds);
}

// As many process runs of a benchmark that takes so long.
std::string side(const test::TemporaryFolder& folder, const std::string& name, double nanoseconds, int runs = 10) {
  const auto path = folder.path() / name;
  create_folders(path);
  for (int i = 0; i < runs; ++i) write_atomically(path / fmt::format("{:02}.json", i), google(nanoseconds + 0.01 * i));
  return path;
}

std::string printing(double nanoseconds) { return fmt::format("echo '{}'", google(nanoseconds)); }

std::size_t lines_of(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_CASE("compare ends with 1 exactly when something is slower") {
  const test::TemporaryFolder folder;
  const std::string base = side(folder, "base", 100), slow = side(folder, "slow", 105);
  const auto slower = run_dydit({"compare", base, slow, "--json"});
  CHECK(slower.code == 1);
  CHECK(test::is_one_error(slower.err));
  const Json json = Json::parse(slower.out);
  const Json& one = json.at("benchmarks").at(0);
  CHECK(one.at("name") == "a");
  CHECK(one.at("verdict") == "slower");
  CHECK(one.at("ratio").get<double>() == Approx(1.05).margin(1e-3));
  CHECK(one.at("ci95").at(0).get<double>() > 1);
  CHECK(json.at("suite").at("slower") == 1);
  CHECK(run_dydit({"compare", slow, base}).code == 0);
  const auto same = run_dydit({"compare", base, base});
  CHECK(same.code == 0);
  CHECK_THAT(same.out, Contains("same"));
  CHECK(same.err.empty());
  // 4 % matter here to nobody.
  CHECK(run_dydit({"compare", base, slow, "--threshold", "6"}).code == 0);
}

TEST_CASE("compare writes what is asked for, and refuses what it does not know") {
  const test::TemporaryFolder folder;
  const std::string base = side(folder, "base", 100), slow = side(folder, "slow", 105);
  const std::string xml = folder.path() / "verdicts.xml";
  const auto written =
      run_dydit({"compare", base, slow, "--write", "junit=" + xml, "--write", "annotations=-"}, folder.path());
  CHECK(written.code == 1);
  CHECK_THAT(read_file(xml), Contains("failures=\"1\""));
  CHECK_THAT(written.out, Contains("\n::error title=a::"));
  for (const test::Arguments& wrong :
       {test::Arguments{"--write", "html=x"}, test::Arguments{"--write", "junit"}, test::Arguments{"--write", "junit="},
        test::Arguments{"--most", "10"}, test::Arguments{"--out", "x"}, test::Arguments{"--threshold", "0"}}) {
    test::Arguments arguments{"compare", base, slow};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const auto refused = run_dydit(arguments, folder.path());
    CAPTURE(wrong, refused.err);
    CHECK(refused.code == 2);
    CHECK(test::is_one_error(refused.err));
  }
  const auto nowhere =
      run_dydit({"compare", base, slow, "--write", "junit=" + (folder.path() / "no/where.xml").string()});
  CHECK(nowhere.code == 4);
  write_atomically(folder.path() / "broken.json", google(100).substr(0, 40));
  const auto broken = run_dydit({"compare", base, folder.path() / "broken.json"});
  CHECK(broken.code == 3);
  CHECK_THAT(broken.err, Contains("broken.json"));
}

TEST_CASE("compare refuses outputs before it measures") {
  const test::TemporaryFolder folder;
  const std::string base = side(folder, "base", 100), file = folder.path() / "input.json";
  write_atomically(file, google(100));
  const auto refused = [&](const test::Arguments& outputs) {
    test::Arguments arguments{"compare", "--collect", "touch ran; " + printing(100), printing(100), "--out", "out"};
    for (const std::string& output : outputs) arguments.insert(arguments.end(), {"--write", output});
    const auto outcome = run_dydit(arguments, folder.path());
    CAPTURE(outputs, outcome.err);
    CHECK(test::is_one_error(outcome.err));
    CHECK(!std::filesystem::exists(folder.path() / "ran"));
    return outcome.code;
  };
  CHECK(refused({"json=no/where.json"}) == 4);
  CHECK(refused({"json=/dev/stdout"}) == 2);
  CHECK(refused({"json=" + base}) == 2);
  CHECK(refused({"json=" + file + "/x"}) == 4);
  std::filesystem::create_symlink("gone.json", folder.path() / "link.json");
  CHECK(refused({"json=link.json"}) == 2);
  CHECK(refused({"json=a.json", "junit=./a.json"}) == 2);
  const auto onto = run_dydit({"compare", file, file, "--write", "json=" + file});
  CHECK(onto.code == 2);
  CHECK(run_dydit({"compare", base, base, "--write", "json=" + base + "/new.json"}).code == 2);
  CHECK(read_file(file) == google(100));
}

TEST_CASE("a gated count that nobody has is refused, and any counter can be gated") {
  const test::TemporaryFolder folder;
  const auto counted = [&](const char* name, int mine) {
    const auto path = folder.path() / name;
    write_atomically(path, fmt::format(R"({{"benchmarks": [{{"name": "a", "real_time": 1, "mine": {}}}]}})", mine));
    return path.string();
  };
  const std::string base = counted("base.json", 1), candidate = counted("candidate.json", 2);
  CHECK(run_dydit({"compare", base, candidate}).code == 0);
  const auto rose = run_dydit({"compare", base, candidate, "--gate", "mine"});
  CHECK(rose.code == 1);
  CHECK_THAT(rose.err, Contains("worse: " + candidate + ": 0 slower") && Contains("1 gated count rose"));
  const auto unknown = run_dydit({"compare", base, candidate, "--gate", "mine,other"});
  CHECK(unknown.code == 3);
  CHECK(test::is_one_error(unknown.err));
}

TEST_CASE("collected runs give a verdict as soon as there is one, and are used again") {
  const test::TemporaryFolder folder;
  const auto out = folder.path() / "it's here";  // a quote and a blank in what {out} becomes
  const test::Arguments command{
      "compare", "--collect", fmt::format("{} > {{out}}", printing(100)), printing(105), "--out", out, "--quiet"};
  const auto first = run_dydit(command);
  CAPTURE(first.err);
  CHECK(first.code == 1);
  CHECK(lines_of(out / "runs.jsonl") == 20);  // the first look is at ten runs a side
  const auto again = run_dydit(command);
  CHECK(again.code == 1);
  CHECK(again.out == first.out);
  CHECK(lines_of(out / "runs.jsonl") == 20);
  // What the folders hold is what compare takes.
  CHECK(run_dydit({"compare", out / "base", out / "candidate"}).code == 1);
  const auto other = run_dydit({"compare", "--collect", printing(1), printing(2), "--out", out});
  CHECK(other.code == 2);
  CHECK(test::is_one_error(other.err));
}

TEST_CASE("a command that fails or writes no result ends the collection with one line") {
  const test::TemporaryFolder folder;
  const auto ends = [&](const std::string& candidate, int code, const std::string& words) {
    static int number = 0;
    const auto outcome = run_dydit({"compare", "--collect", printing(100), candidate, "--quiet", "--out",
                                    folder.path() / std::to_string(++number)});
    CAPTURE(candidate, outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(words));
  };
  ends("exit 3", 4, "exit code 3");
  ends("kill -9 $$", 4, "signal 9");
  ends("true # {out}", 3, "no result");
  ends("echo nothing", 3, "of the command of the candidate: not JSON");
  ends("echo '{\"benchmarks\": [{\"name\": \"b\", \"real_time\": 1}]}'", 3, "no benchmark is on both sides");
  ends("true > \"{out}\"", 2, "quoted path");
  ends("true \"--out={out}\"", 2, "quoted path");
  ends("true '\"' {out}; exit 3", 4, "exit code 3");
  CHECK(!std::filesystem::exists(folder.path() / "6"));  // a wrong command leaves nothing behind
}

TEST_CASE("runs of a program that was changed since are not used again") {
  const test::TemporaryFolder folder;
  const auto program = folder.path() / "bench.sh";
  const auto compared = [&](const test::Arguments& options) {
    test::Arguments arguments{"compare", "--collect", printing(100), "sh bench.sh", "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_dydit(arguments, folder.path());
  };
  write_atomically(program, printing(130));
  CHECK(compared({"--out", "out"}).code == 1);
  CHECK(compared({"--out", "out"}).code == 1);
  write_atomically(program, printing(100));
  const auto changed = compared({"--out", "out"});
  CHECK(changed.code == 2);
  CHECK_THAT(changed.err, Contains("bench.sh is another"));
  // One that failed at once may be mended: nothing was run there.
  write_atomically(program, "exit 3");
  const test::Arguments both{"compare", "--collect", "sh bench.sh", "sh bench.sh", "--out", "mended", "--quiet"};
  CHECK(run_dydit(both, folder.path()).code == 4);
  write_atomically(program, printing(100));
  CHECK(run_dydit(both, folder.path()).code == 0);
  // What a command writes to is none of what it is.
  write_atomically(folder.path() / "log", "");
  const test::Arguments logging{"compare", "--collect", printing(100), printing(100) + "; echo >> log",
                                "--out",   "logged"};
  CHECK(run_dydit(logging, folder.path()).code == 0);
  CHECK(run_dydit(logging, folder.path()).code == 0);
  // Without --out the folder is a new one each time.
  CHECK(compared({}).code == 0);
  write_atomically(program, printing(130));
  CHECK(compared({}).code == 1);
  CHECK(std::filesystem::exists(folder.path() / "runs/compare-2/runs.jsonl"));
}

TEST_CASE("a second Ctrl-C ends a benchmark that ignores the first") {
  const test::TemporaryFolder folder;
  const auto begun = folder.path() / "begun";
  const std::string stubborn = fmt::format("trap '' INT; (echo $$ > {}; sleep 600 & wait) & wait", begun.string());
  test::Process process({"compare", "--collect", stubborn, stubborn, "--out", folder.path() / "out"});
  REQUIRE(test::appears(begun));
  const pid_t child = std::stoi(read_file(begun));
  process.send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.send(SIGINT);
  CHECK(process.wait().signal == SIGINT);
  const auto gone = [&] {  // or a zombie, where nobody waits for it
    const std::filesystem::path status = fmt::format("/proc/{}/stat", child);
    return !std::filesystem::exists(status) || read_file(status).find(") Z ") != std::string::npos;
  };
  for (int wait = 0; wait < 100 && !gone(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(gone());
}

TEST_CASE("a collection that was interrupted goes on") {
  const test::TemporaryFolder folder;
  const auto out = folder.path() / "collected";
  const test::Arguments command{"compare", "--collect", "sleep 0.05; " + printing(100), printing(105), "--out",
                                out,       "--quiet"};
  test::Process process(command);
  REQUIRE(test::appears(out / "runs.jsonl"));
  process.send(SIGINT);
  const auto stopped = process.wait();
  CHECK(stopped.code == 130);
  CHECK(test::is_one_error(stopped.err));
  const std::size_t lines = lines_of(out / "runs.jsonl");
  CHECK(lines < 20);
  write_atomically(out / "runs.jsonl", read_file(out / "runs.jsonl") + R"({"side": 1, "res)");  // a kill in a write
  CHECK(run_dydit(command).code == 1);
  CHECK(lines_of(out / "runs.jsonl") == 20);
}

TEST_CASE("what its budget ended stays ended, and another rule is another collection") {
  const test::TemporaryFolder folder;
  const auto out = folder.path() / "collected";
  test::Arguments command{
      "compare", "--collect", "sleep 0.3; " + printing(100), printing(105), "--out", out, "--quiet", "--budget", "1"};
  const auto first = run_dydit(command);
  CAPTURE(first.err);
  const std::size_t lines = lines_of(out / "runs.jsonl");
  CHECK(lines >= 7);  // three pairs and the look
  CHECK(lines < 21);
  const auto again = run_dydit(command);
  CHECK(again.code == first.code);
  CHECK(again.out == first.out);
  CHECK(lines_of(out / "runs.jsonl") == lines);
  command.insert(command.end(), {"--threshold", "2"});
  CHECK(run_dydit(command).code == 2);
  command.pop_back();
  command.pop_back();
  for (const char* line : {R"({"side": "x", "result": "a", "canary_seconds": 1})", R"({"side": 0, "result": 1})", "[1]",
                           "x", R"({"side": 0, "result": "base/001.json", "canary_seconds": 0})"}) {
    write_atomically(out / "runs.jsonl", std::string(line) + "\n");
    const auto refused = run_dydit(command);
    CAPTURE(line, refused.err);
    CHECK(refused.code == 3);
    CHECK(test::is_one_error(refused.err));
  }
}

TEST_CASE("a sweep in several processes is what compare takes") {
  const test::TemporaryFolder folder;
  const std::string profile = folder.path() / "sweep.toml";
  write_atomically(profile,
                   "[sweep]\nmodels = [\"DyDiT-S/8\"]\nkeep = [0.5]\nwhich = [\"widths\"]\nbatch = [1]\n"
                   "engine = [\"dense\", \"compact\"]\nblocks = 6\n");
  const auto runs = folder.path() / "runs";
  const auto swept = run_dydit(
      {"sweep", "--processes", "2", "--threads=1", "--device", "cpu", "--out=" + runs.string(), "--", profile});
  CAPTURE(swept.err);
  REQUIRE(swept.code == 0);
  CHECK(std::filesystem::exists(runs / "001/manifest.json"));
  CHECK(std::filesystem::exists(runs / "002/manifest.json"));
  const auto compared = run_dydit({"compare", runs, runs / "001", "--json"});
  CHECK(compared.code == 0);
  const Json benchmarks = Json::parse(compared.out).at("benchmarks");
  REQUIRE(benchmarks.size() == 3);
  for (const Json& one : benchmarks) {
    CHECK(one.at("verdict") == "cannot-tell");
    CHECK(one.at("runs") == Json{2, 1});
    CHECK(one.at("counts").contains("gmacs"));
  }
  const auto inside = run_dydit({"sweep", profile, "--processes", "2", "--out", runs / "001"});
  CHECK(inside.code == 2);
  CHECK(run_dydit({"sweep", folder.path() / "none.toml", "--processes", "2", "--out", folder.path() / "x"}).code == 3);
}
