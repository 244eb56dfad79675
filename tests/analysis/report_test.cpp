// SPDX-License-Identifier: Apache-2.0
#include "analysis/report.h"

#include <map>
#include <regex>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_run.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using Catch::Matchers::Contains;
using record::Run;

namespace {

std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder).string()] = read_file(entry.path());
  return files;
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) found.push_back((*i)[1]);
  return found;
}

std::string report_of(const std::filesystem::path& run, const std::filesystem::path& out) {
  return read_file(write_report(std::vector{record::read_run(run)}, out));
}

bool has_section(const std::string& page, const std::string& title) {
  return page.find("<h2>" + title) != std::string::npos;
}

}  // namespace

TEST_CASE("the report is one page with the run's numbers, and the same bytes each time") {
  const test::TemporaryFolder folder;
  const auto run = test::make_run(folder.path() / "run");
  const std::string page = report_of(run, folder.path() / "a");
  report_of(run, folder.path() / "b");
  CHECK(files_in(folder.path() / "a") == files_in(folder.path() / "b"));
  CHECK(files_in(folder.path() / "a").size() == 1 + 5 * 5);

  CHECK(page.find("at t&nbsp;=&nbsp;10") != std::string::npos);
  CHECK(page.find("clear of zero at 5 of 5 timesteps") != std::string::npos);
  CHECK(page.find("the same 24 images with the same noise") != std::string::npos);
  CHECK(page.find("32.5 M") != std::string::npos);
  CHECK(page.find("dydit reproduce quick.toml --seed 1") != std::string::npos);
  CHECK(page.find("out of memory: model.pt") != std::string::npos);
  for (const char* title : {"How much", "Where in", "How far", "How to run", "Cells without"})
    CHECK(has_section(page, title));
  for (const char* summary : {"What was trained", "Machine, build and data", "The profile as it was resolved"})
    CHECK(page.find("<summary>" + std::string(summary)) != std::string::npos);

  CHECK(page.find("private") == std::string::npos);
  CHECK(page.find(folder.path().string()) == std::string::npos);
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  for (const std::string& link : matches(page, R"re(\s(?:href|src)=["']([^"']*)["'])re"))
    CHECK((link.rfind("figures/", 0) == 0 || link.front() == '#' || link.rfind("data:image/png;base64,", 0) == 0));
  const auto ids = matches(page, R"re(\sid=["']([^"']*)["'])re");
  const std::set<std::string> unique(ids.begin(), ids.end());
  CHECK(ids.size() == unique.size());
  CHECK(ids.size() > 20);
  for (const std::string& target : matches(page, R"re((?:href=["']#|url\(#)([^"')]*))re"))
    CHECK(unique.count(target) == 1);
}

TEST_CASE("studies that a run does not hold are left out") {
  const test::TemporaryFolder folder;
  const std::string gap =
      report_of(test::make_run(folder.path() / "gap", {.map = false, .train = false}), folder.path() / "a");
  CHECK(has_section(gap, "How much"));
  CHECK(!has_section(gap, "Where in"));
  CHECK(!has_section(gap, "How far"));
  const std::string train =
      report_of(test::make_run(folder.path() / "train", {.gap = false, .map = false}), folder.path() / "b");
  CHECK(!has_section(train, "How much"));
  CHECK(has_section(train, "How far"));
  CHECK(train.find("(DiT-S/2, 12,800 steps)") != std::string::npos);
  const std::string none = report_of(
      test::make_run(folder.path() / "none", {.gap = false, .map = false, .train = false}), folder.path() / "c");
  CHECK(none.find("class=\"tiles\"") == std::string::npos);
  CHECK(has_section(none, "How to run"));
}

TEST_CASE("a report opens with its answers, each a link to its section, and shows what failed") {
  const test::TemporaryFolder folder;
  const std::string page = report_of(test::make_run(folder.path() / "run"), folder.path() / "out");
  const auto at = [&](const std::string& text) {
    const auto found = page.find(text);
    INFO(text);
    CHECK(found != std::string::npos);
    return found;
  };
  CHECK_THAT(page, Contains("<li class=\"yes\"><a href=\"#loss-gap\"><span class=\"question\">Does a larger model "
                            "gain less near noise?</span> <strong>yes</strong>"));
  CHECK_THAT(page, Contains("<li class=\"yes\"><a href=\"#loss-map\">"));
  CHECK(at("class=\"tiles\"") < at("<nav>"));
  CHECK(at("<a href=\"#failures\">1 cell has no result.") < at("class=\"tiles\""));
  CHECK(at("<section id=\"loss-map\">") < at("<section id=\"failures\">"));
  CHECK(at("<section id=\"failures\">") < at("<section id=\"provenance\">"));
  const std::string failures =
      page.substr(at("<section id=\"failures\">"), at("<section id=\"provenance\">") - at("<section id=\"failures\">"));
  CHECK_THAT(failures, Contains("out of memory") && !Contains("<details"));
  CHECK(matches(page, "(<table)").size() == matches(page, R"re((<div class="scroll"><table))re").size());
}

TEST_CASE("names that try to break out stay names") {
  const test::TemporaryFolder folder;
  const std::string hostile =
      "<script>alert(1)</script>../../x'\"`touch hacked`$(touch hacked)@m {/Bold ü} \\ %s &amp; # "
      "id='a'\nline";
  const auto run = test::make_run(folder.path() / "run", {.models = {hostile, "../x"}});
  const auto before = files_in(folder.path());
  const std::string page = report_of(run, folder.path() / "out");
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;script&gt;") != std::string::npos);
  for (const auto& [name, bytes] : files_in(folder.path()))
    CHECK((before.count(name) == 1 || name.rfind("out/index.html", 0) == 0 || name.rfind("out/figures/", 0) == 0));
  CHECK(!std::filesystem::exists("hacked"));
  CHECK(!std::filesystem::exists(folder.path() / "out" / "figures" / "hacked"));
  const std::string csv = read_file(folder.path() / "out" / "figures" / "loss-gap.csv");
  CHECK(csv.find("'\"\"`touch") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * 5);
  const auto ids = matches(page, R"re(<[^<>]*\sid=["']([^"']*)["'])re");
  CHECK(ids.size() == std::set<std::string>(ids.begin(), ids.end()).size());
}

TEST_CASE("a manifest whose parts are of other types is refused by name") {
  const test::TemporaryFolder folder;
  const auto run = test::make_run(folder.path() / "run", {.train = false});
  const auto sound = record::Json::parse(read_file(run / "manifest.json"));
  for (const char* changes : {R"({"models": [{"name": 5}]})", R"({"data": "images.zip"})", R"({"profile": 5})",
                              R"({"profile": {"loss-map": []}})", R"({"profile": {"loss-map": {"shown": "all"}}})",
                              R"({"profile": {"loss-map": {"normalise_each": 1}}})"}) {
    INFO(changes);
    auto manifest = sound;
    manifest.update(record::Json::parse(changes));
    write_atomically(run / "manifest.json", manifest.dump());
    CHECK_THROWS_WITH(report_of(run, folder.path() / "out"), Contains(run.string()));
    CHECK_THROWS_AS(report_of(run, folder.path() / "out"), InputError);
  }
}

TEST_CASE("a report whose tensors were left out keeps its page") {
  const test::TemporaryFolder folder;
  const auto path = test::make_run(folder.path() / "run", {.train = false});
  CHECK_FALSE(tensors_left_out(record::read_run(path)));
  const std::string page = report_of(path, path);
  std::filesystem::remove_all(path / "tensors");
  const Run run = record::read_run(path);
  CHECK(tensors_left_out(run));
  CHECK_THROWS_AS(report_of(path, path), InputError);
  const auto before = files_in(path);
  CHECK(recorded_page(run, path) == path / "index.html");
  CHECK(files_in(path) == before);
  CHECK(read_file(recorded_page(run, folder.path() / "out")) == page);
  const auto copied = files_in(folder.path() / "out");
  CHECK(copied.size() == 1 + 2 * 4);
  CHECK(copied.at("figures/loss-gap.gp") == before.at("figures/loss-gap.gp"));
  std::filesystem::remove(path / "index.html");
  CHECK_THROWS_WITH(recorded_page(run, path), Contains("neither tensors nor a page"));
  // A run of which only some files are missing is damaged, not recorded; one that never had any is complete.
  CHECK_FALSE(
      tensors_left_out(record::read_run(test::make_run(folder.path() / "curves", {.gap = false, .map = false}))));
  // Trajectories are drawn without their images, unless a page has them.
  auto records = test::combinations(1);
  records.front().tensors = {"strip"};
  const auto sampled = test::run_of(folder.path() / "sampled", records);
  CHECK_FALSE(tensors_left_out(sampled.front()));
  CHECK_THAT(report_of(sampled.front().path, sampled.front().path), Contains("multiply"));
  CHECK(tensors_left_out(sampled.front()));
}

TEST_CASE("a report without runs is refused") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(write_report({}, folder.path()), UsageError);
}
