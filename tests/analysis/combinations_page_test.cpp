// SPDX-License-Identifier: Apache-2.0
// What a page says of sampled combinations.
#include <algorithm>

#include "analysis/report.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using record::Json;
using record::Record;

namespace {

std::string tile(const char* judgement) {
  return std::string("<li class=\"") + judgement + "\"><a href=\"#combinations\">";
}

}  // namespace

TEST_CASE("speedups multiply where an interval says so") {
  // .95 of the product; .8 of it, but more than the best part alone; a quarter, less than that.
  CHECK_THAT(page_of(combinations(0.95)), Contains(tile("yes")));
  CHECK_THAT(page_of(combinations(0.8)), Contains(tile("in-part")) && Contains("; none clearly reach 0.9"));
  CHECK_THAT(page_of(combinations(0.25)), Contains(tile("no")));
  // 1.85 +- .02 of compact with a cache is as fast as either part alone, 1.82 +- .02.
  const std::vector<Record> four{sampled({}), sampled({"dense", "fora:2"}), sampled({"compact"}),
                                 sampled({"compact", "fora:2", "ddim", 50, 0.56})};
  CHECK_THAT(page_of(four), Contains(tile("cannot-tell")));
  // A part that was not timed cannot be beaten, but the product can be reached.
  auto missing_part = combinations(0.8);
  std::erase_if(missing_part, [](const Record& record) {
    return record.axes["cache"] == "fora:2" && record.axes["engine"] == "dense" && record.axes["steps"] == 50;
  });
  std::erase_if(missing_part,
                [](const Record& record) { return record.axes["cache"] == "none" && record.axes["steps"] == 10; });
  CHECK_THAT(page_of(missing_part), Contains(tile("cannot-tell")));
  for (Record& record : missing_part)
    if (record.metrics.at("multiplied_share").value < 1) set(record, "multiplied_share", 0.95, 0.01);
  CHECK_THAT(page_of(missing_part), Contains(tile("yes")));
  // Without intervals nothing decides.
  auto bare = combinations(0.95);
  for (Record& record : bare)
    for (auto& [name, metric] : record.metrics) metric.ci95.reset();
  CHECK_THAT(page_of(bare), Contains(tile("cannot-tell")));
}

TEST_CASE("the answer tells the range, the fastest, the reference, and what it leaves out") {
  auto records = combinations(0.95);
  set(records.back(), "multiplied_share", 0.8, 0.01);
  records.push_back(sampled({"compact", "fora:3", "dpmpp", 10}));
  records.back().metrics.erase("multiplied_share");
  const std::string page = page_of(records);
  CHECK_THAT(
      page,
      Contains("4 combinations reach <b>0.800 ± 0.010</b> (compact + fora:2 + dpmpp 10) to <b>0.9500 ± "
               "0.0095</b> (") &&
          Contains("of the product of the separate speedups, 3 of them clearly 0.9 or more; the "
                   "fastest, compact + fora:2 + dpmpp 10, is <b>15.70 ± 0.16</b> times as fast as the reference. Of 1 "
                   "more the product is not known. The reference is the complete model by ddim in 50 "
                   "steps, without a cache."));
  CHECK_THAT(page, Contains("<span class=\"number\">0.800 ± 0.010</span> <span class=\"label\">of the product of the "
                            "separate speedups: compact + fora:2 + dpmpp 10, the least of 4; 3 clearly reach 0.9"));
  CHECK_THAT(page, Contains("<h1>What a dynamic diffusion transformer saves"));
  // 63.7 ms, 15 GMACs in the papers' unit and 30 with guidance.
  CHECK_THAT(page,
             Contains("<th scope=\"row\">compact</th><td>fora:2</td><td>dpmpp</td><td>10</td><td>63.68 ± 0.64</td>"
                      "<td>15.70 ± 0.16</td><td>20</td><td>16.5</td><td>0.800 ± 0.010</td><td>0.500</td><td>15</td>"
                      "<td>30</td><td>64</td><td>32</td></tr>"));
}

TEST_CASE("a time whose interval is wide or unknown is marked as disturbed") {
  auto records = combinations(0.95);
  records[1].metrics["image_time"].ci95 = {180, 220};
  records[2].metrics["image_time"].ci95.reset();
  const std::string page = page_of(records);
  CHECK_THAT(page, Contains("<td>200 ± 20 †</td>") && Contains("<td>550 †</td>") && Contains("<td>1000 ± 10</td>"));
}

TEST_CASE("a cell without a time stands among the other samplers") {
  for (const char* untimed : {"ddim", "dpmpp"}) {
    auto records = std::vector{sampled({}), sampled({"dense", "none", "dpmpp", 50})};
    for (Record& record : records)
      if (record.axes["sampler"] == untimed) record.metrics.erase("image_time");
    const std::string page = page_of(records);
    CHECK(page.find(std::string("<td>") + untimed) > page.find("By other samplers (1)"));
  }
}

TEST_CASE("one cell, failed cells, and cells that combine nothing have no judgement") {
  const std::string alone = page_of({sampled({})});
  CHECK_THAT(alone, Contains("<h2>Do dynamic computation, samplers and caches multiply?"));
  CHECK_THAT(alone, Contains("No cell is known to combine two of"));
  CHECK(alone.find("class=\"tiles\"") == alone.npos);
  CHECK_THAT(page_of({sampled({}), sampled({"dense", "fora:2"}), sampled({"dense", "none", "dpmpp", 10})}),
             Contains("No cell is known to combine two of"));
  Record failed = record_of(MadeSampling{"compact", "fora:2"});
  failed.status = record::Status::failed;
  failed.error = "out of memory";
  const std::string none = page_of({failed});
  CHECK_THAT(none, Contains("1 cell has no result."));
  CHECK(none.find("<h2>Do dynamic computation") == none.npos);
  // One combination, of a complete model: no engine skips anything.
  const std::string one = page_of({sampled({}), sampled({"dense", "fora:2"}), sampled({"dense", "none", "dpmpp", 10}),
                                   sampled({"dense", "fora:2", "dpmpp", 10, 0.97}), failed});
  CHECK_THAT(one,
             Contains("One combination reaches <b>0.9700 ± 0.0097</b> (dense + fora:2 + dpmpp 10) of the product of "
                      "the separate speedups; it is <b>8.818 ± 0.088</b> times as fast as the reference."));
  CHECK_THAT(one, Contains(tile("yes")));
}

TEST_CASE("a report of sampling is the same bytes each time, and hostile names stay names") {
  const test::TemporaryFolder folder;
  const std::string hostile = "<script>alert(1)</script>'\"`touch hacked`\\ %s {} DiT-S/ @m\nline";
  auto records = combinations(0.95, hostile, hostile);
  for (Record& record : records) {
    if (record.axes["cache"] != "none") record.axes["cache"] = "<b>'cache {}";
    if (record.axes["sampler"] != "ddim") record.axes["sampler"] = "<i>'sampler";
    record.axes["device"] = "<b>'gpu";
  }
  const Json engines = {{"engines", {{{"name", hostile}, {"executes", "kept"}}}}};
  const auto runs = run_of(folder.path() / "run", records, engines);
  const std::string page = read_file(write_report(runs, folder.path() / "a"));
  CHECK(page == read_file(write_report(runs, folder.path() / "b")));
  for (const char* markup : {"<script", "<b>'", "<i>'", "<b>&#39;", "<i>&#39;"}) CHECK(page.find(markup) == page.npos);
  CHECK_THAT(page, Contains("&lt;script&gt;") && Contains("&lt;b&gt;&#39;cache {}"));
  CHECK(!std::filesystem::exists(folder.path() / "a" / "figures" / "hacked"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path() / "a" / "figures"), {}) == 3 * 5);
}

TEST_CASE("a page of some 190 cells stays small, the fastest sampler of each engine, cache and number of steps first") {
  std::vector<Record> records;
  for (const double keep : {1.0, 0.7, 0.5})
    for (const char* cache : {"none", "fora:2", "fora:3", "taylorseer:3,2", "taylorseer:5,2", "deepcache:2,4..7", "b"})
      for (const char* sampler : {"ddim", "dpmpp", "unipc"})
        for (const std::int64_t steps : {50, 20, 10}) {
          const bool dense = keep == 1;
          records.push_back(
              sampled({dense ? "dense" : "compact", cache, sampler, steps, sampler == std::string("ddim") ? 0.93 : 0.95,
                       dense ? std::nullopt : std::optional(keep)}));
        }
  set(records.front(), "sampling_speedup", 1);
  const std::string page = page_of(records);
  CHECK(page.size() < 150'000);
  CHECK_THAT(page, Contains("<summary>By other samplers (126)</summary>"));
  const auto folded = page.find("By other samplers");
  CHECK(page.find("<td>taylorseer:3,2</td><td>dpmpp</td><td>20</td>") < folded);
  CHECK(page.find("<td>taylorseer:3,2</td><td>ddim</td><td>20</td>") > folded);
}

TEST_CASE("a study of a flow without guidance, beside one of a diffusion") {
  const test::TemporaryFolder folder;
  auto records = combinations(0.95);
  for (Record& record : records) {
    record.axes["guidance"] = 1;
    record.axes["sampler"] = record.axes["sampler"] == "ddim" ? "heun" : "euler";
  }
  auto runs = run_of(folder.path() / "flow", records, {{"process", {{"name", "flow"}, {"prediction", "velocity"}}}});
  runs.push_back(run_of(folder.path() / "diffusion", combinations(0.8)).front());
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("<h2>Flow matching: Do dynamic computation") && Contains("<h2>Diffusion: Do dynamic"));
  CHECK_THAT(page, Contains("The reference is the complete model by heun in 50 steps, without a cache."));
  CHECK_THAT(page, Contains("<h3>DyDiT-S/2, float32, cpu, 2 threads, batch 8, guidance 1</h3>"));
}
