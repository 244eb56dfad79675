// SPDX-License-Identifier: Apache-2.0
// What units of a block cost: curves, their figure's numbers and the section.
#include "analysis/costs.h"

#include <algorithm>

#include "analysis/report.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_profile.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using record::Record;

namespace {

Record cost(const std::string& unit, std::int64_t on, double time, double macs, std::int64_t batch = 8) {
  Record record{.cell = unit + std::to_string(on) + "/" + std::to_string(batch),
                .study = "costs",
                .axes = {{"model", "DyDiT-S/2"},
                         {"dtype", "float32"},
                         {"batch", batch},
                         {"engine", "compact"},
                         {"unit", unit},
                         {"on", on},
                         {"device", "cpu"},
                         {"threads", 2}}};
  set(record, "block_time", time, 0.01);
  set(record, "lambda_realised", macs);
  return record;
}

// A staircase of heads: two and one cost the same, three and four nearly; groups cost what they compute.
std::vector<Record> staircase() {
  return {cost("heads", 4, 4, 1),    cost("heads", 3, 3.99, 0.9), cost("heads", 1, 2, 0.7),
          cost("heads", 2, 2, 0.8),  cost("channels", 0, 2, 0.5), cost("channels", 1, 3, 0.75),
          cost("channels", 2, 4, 1), cost("heads", 4, 8, 1, 16),  cost("heads", 2, 4, 0.8, 16)};
}

std::vector<CostStudy> studies(const std::vector<Record>& records) {
  const TemporaryFolder folder;
  return cost_studies(run_of(folder.path() / "run", records));
}

const std::vector<UnitAxis> axes{{.name = "heads", .label = "heads"}, {.name = "channels", .label = "channel groups"}};

}  // namespace

TEST_CASE("curves: each engine and batch, the largest first, axes in the model's order, numbers ascending") {
  const auto all = studies(staircase());
  REQUIRE(all.size() == 1);
  const auto groups = cost_curves(all[0], axes);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0][0].cells[0].batch == 16);
  REQUIRE(groups[1].size() == 2);
  const CostCurve &heads = groups[1][0], &groups_on = groups[1][1];
  CHECK(heads.label == "heads");
  CHECK(groups_on.label == "channel groups");
  CHECK(heads.tops == std::vector<std::size_t>{1, 1, 3, 3});
  CHECK(heads.free_steps() == 2);
  CHECK(groups_on.free_steps() == 0);
  CHECK(heads.line(heads.cells[0]) == Approx(0.7 * 4));
}

TEST_CASE("the figure of costs draws the measured times, the line of the MACs and the tops of tiles") {
  const auto all = studies(staircase());
  const auto groups = cost_curves(all[0], axes);
  const auto figures = costs_figures(all[0], groups[1], "costs");
  REQUIRE(figures.size() == 1);
  const auto rows = read_csv(figures[0].csv);
  REQUIRE(rows.size() == 4 + 3);
  const auto numbers = [&](const char* column) {
    std::vector<double> values;
    for (const auto& row : rows) values.push_back(std::stod(row.at(column)));
    return values;
  };
  CHECK(numbers("on") == std::vector<double>{1, 2, 3, 4, 0, 1, 2});
  CHECK(numbers("block_ms") == std::vector<double>{2, 2, 3.99, 4, 2, 3, 4});
  CHECK(numbers("tile_top") == std::vector<double>{2, 2, 4, 4, 0, 1, 2});
  const auto line = numbers("macs_line_ms");
  for (std::size_t i = 0; i < line.size(); ++i) {
    CAPTURE(i);
    CHECK(line[i] == Approx(std::vector{2.8, 3.2, 3.6, 4., 2., 3., 4.}[i]));
  }
  CHECK(rows[4].at("unit") == "channels");
}

TEST_CASE("a run of costs has a section, and one that failed is told beside it") {
  const TemporaryFolder folder;
  std::vector<Record> records = staircase();
  records.push_back({.cell = "failed", .study = "costs", .axes = cost("channels", 3, 1, 1).axes});
  records.back().status = record::Status::failed;
  records.back().error = "out of memory";
  const auto runs = run_of(folder.path() / "run", records);
  const std::string page = read_file(write_report(runs, folder.path() / "report"));
  CHECK_THAT(page, Contains("Which units cost no time?") && Contains("2, 4") && Contains("out of memory"));
  for (const char* batch : {"8", "16"})
    CHECK(std::filesystem::exists(folder.path() / "report" / "figures" /
                                  ("costs-DyDiT-S--2-compact-" + std::string(batch) + ".csv")));
}

TEST_CASE("without a time of everything on there is no line of the MACs") {
  auto records = staircase();
  std::erase_if(records, [](const Record& r) { return r.axes.at("unit") == "heads" && r.axes.at("on") == 4; });
  const auto all = studies(records);
  const auto groups = cost_curves(all[0], axes);
  const CostCurve& heads = groups[1][0];
  CHECK(heads.whole() == nullptr);
  CHECK(std::isnan(heads.line(heads.cells[0])));
  CHECK(groups[1][1].whole() != nullptr);
  const TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run", records);
  CHECK_THAT(read_file(write_report(runs, folder.path() / "report")), Contains("<td>failed</td>"));
}

TEST_CASE("impossible costs are refused") {
  for (const auto& change : std::vector<std::function<void(Record&)>>{
           [](Record& r) { r.metrics.erase("block_time"); }, [](Record& r) { r.metrics["block_time"].value = 0; },
           [](Record& r) { r.metrics["lambda_realised"].value = 2; }, [](Record& r) { r.axes.erase("unit"); },
           [](Record& r) { r.axes["on"] = "two"; }, [](Record& r) { r.axes["engine"] = "unknown"; }}) {
    auto records = staircase();
    change(records[2]);
    CHECK_THROWS_AS(studies(records), InputError);
  }
}
