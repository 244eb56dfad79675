// SPDX-License-Identifier: Apache-2.0
// A profile beside another one of the same cells.
#include "analysis/profile_against.h"

#include <cmath>

#include "analysis/report.h"
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

/// fc1 is faster than in made_up_profile, the launches became fewer, one kernel is another, and the remainder grew.
std::vector<Record> later_profile() {
  auto records = made_up_profile();
  set(records[4], "kernel_time", 2.5);
  set(records[5], "kernel_time", 1.25);
  set(records[5], "kernel_calls", 1);
  records[6].axes["kernel"] = "gather_rows";
  set(records[8], "remainder_time", 0.625);
  set(records[8], "time", 3, 0.1);
  return records;
}

}  // namespace

TEST_CASE("rows of two profiles, the largest change first, sum to the whole change") {
  const auto before = profile_studies_of(made_up_profile()), now = profile_studies_of(later_profile());
  const auto rows = row_changes(before[0].asked(), now[0].asked());
  REQUIRE(rows.size() == 6);
  CHECK(rows[0].range == "pass/block/mlp/fc1");
  CHECK(rows[0].change() == -1.5);
  CHECK(rows[1].kernel == "(launch)");
  CHECK(rows[1].calls_before == 2);
  CHECK(rows[1].calls == 1);
  CHECK(rows[2].kernel == "gather_rows");
  CHECK(rows[2].before == 0);
  CHECK(rows[2].calls_before == 0);
  CHECK(rows[3].kernel == "index<int>(int)");
  CHECK(rows[3].time == 0);
  CHECK(rows[4].kernel == "(remainder)");
  CHECK(rows[4].change() == 0.125);
  CHECK(rows[5].change() == 0);
  double sum = 0;
  for (const RowChange& row : rows) sum += row.change();
  CHECK(sum == Approx(now[0].asked().whole_time() - before[0].asked().whole_time()));
}

TEST_CASE("a comparison in words: both times, the largest changes, what the others sum to, and the whole") {
  const auto before = profile_studies_of(made_up_profile()), now = profile_studies_of(later_profile());
  const std::string text = comparison_text(before[0].asked(), now[0].asked(), "runs/old", 2);
  CHECK_THAT(text, Catch::Matchers::StartsWith("compact (both, 0.5) against runs/old: 3 ms without collectors (5 "
                                               "before), 5.88 ms with them (8 before)\n"));
  const auto line = [&](const std::string& name) {
    const std::size_t at = text.find("\n  " + name);
    REQUIRE(at != text.npos);
    std::string found = text.substr(at + 3, text.find('\n', at + 1) - at - 3);
    found.erase(std::unique(found.begin(), found.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
                found.end());
    return found;
  };
  CHECK(line("block/mlp/fc1") == "block/mlp/fc1 gemm 4 2.50 −1.50");
  CHECK(line("block/gather") == "block/gather (launch) 2 1.25 −0.750");
  CHECK(line("others") == "others (4 rows) 2 2.12 +0.125");
  CHECK(line("all") == "all 8 5.88 −2.12");
  CHECK_THAT(comparison_text(before[0].asked(), now[0].asked(), "runs/old"), !Contains("others"));
  CHECK_THAT(comparison_text(before[0].asked(), now[0].asked(), "runs/old"),
             Contains("gather_rows") && Contains(" – "));
}

TEST_CASE("what is not known or was not recorded is told as such") {
  auto records = later_profile();
  records[4].metrics.erase("kernel_time");
  const auto before = profile_studies_of(made_up_profile()), now = profile_studies_of(records);
  const auto rows = row_changes(before[0].asked(), now[0].asked());
  CHECK(rows.back().range == "pass/block/mlp/fc1");
  CHECK(std::isnan(rows.back().change()));
  CHECK_THAT(comparison_text(before[0].asked(), now[0].asked(), "old", 5), Contains("others (1 rows)"));
  const auto none = profile_studies_of({profile_cell("dense"), profile_cell("compact")});
  CHECK(row_changes(none[0].asked(), now[0].asked()).empty());
  CHECK_THAT(comparison_text(none[0].asked(), now[0].asked(), "old"), Contains("; old has no rows to compare\n"));
  CHECK_THAT(comparison_text(now[0].asked(), none[0].asked(), "old"), Contains("; this profile has no rows"));
  auto hostile = made_up_profile();
  hostile[4].axes["kernel"] = "a\x1b[2Jb";
  CHECK_THAT(comparison_text(profile_studies_of(hostile)[0].asked(), now[0].asked(), "old"), Contains("a [2Jb"));
}

TEST_CASE("cells are matched by engine, which and keep, of the likest study") {
  const auto studies = profile_studies_of(made_up_profile());
  const ProfileStudy& study = studies[0];
  CHECK(same_cell(studies, study, study.asked()) == &study.asked());
  CHECK(same_cell(studies, study, *study.complete()) == study.complete());
  for (const auto& [axis, value] :
       {std::pair{"which", record::Json("tokens")}, {"keep", 0.7}, {"keep", record::Json{0.75, 0.625, 0.65}}}) {
    auto records = made_up_profile();
    for (Record& record : records)
      if (record.axes["engine"] == "compact") record.axes[axis] = value;
    const auto others = profile_studies_of(records);
    CHECK(same_cell(others, study, study.asked()) == nullptr);
    CHECK(same_cell(others, study, *study.complete()) != nullptr);
    CHECK(same_cell(others, others[0], others[0].asked()) == &others[0].asked());
  }
  auto records = made_up_profile();
  for (Record& record : made_up_profile())
    for (const char* model : {"a", "DyDiT-S/2"}) {
      Record& other = records.emplace_back(record);
      other.cell += model;
      other.axes["model"] = model;
      other.axes["batch"] = 4;
    }
  const auto several = profile_studies_of(records);
  REQUIRE(several.size() == 3);
  for (const ProfileStudy& one : several) CHECK(same_cell(several, one, one.asked()) == &one.asked());
}

TEST_CASE("a profile's cells beside another's, and what cannot be compared") {
  const auto before = profile_studies_of(made_up_profile());
  const auto same = compared(before, before, "old");
  REQUIRE(same.cells.size() == 2);
  CHECK(same.cells[1].before == &before[0].asked());
  CHECK(same.notes.empty());
  auto records = made_up_profile();
  for (Record& record : records) {
    record.axes["batch"] = 4;
    if (record.axes["engine"] == "compact") record.axes["keep"] = 0.75;
  }
  const auto now = profile_studies_of(records);
  const auto other = compared(before, now, "old");
  REQUIRE(other.cells.size() == 1);
  CHECK(other.cells[0].now == now[0].complete());
  CHECK(other.notes ==
        std::vector<std::string>{"old is of DyDiT-S/2, float32, cpu, 2 threads, batch 8; this profile is "
                                 "of DyDiT-S/2, float32, cpu, 2 threads, batch 4",
                                 "old has no cell compact (both, 0.75) to compare with"});
}

TEST_CASE("the page of two profiles of a model tells what changed from the second to the first") {
  const TemporaryFolder folder;
  auto runs = run_of(folder.path() / "new", later_profile());
  runs.push_back(run_of(folder.path() / "old", made_up_profile()).front());
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("<h3>Run 1 against run 2: DyDiT-S/2, float32, cpu, 2 threads, batch 8</h3>"));
  CHECK_THAT(page, Contains("<tr><th scope=\"row\">compact (both, 0.5)</th><td>5.000 ± 0.100</td><td>3.00 ± 0.10</td>"
                            "<td>8</td><td>5.88</td><td>−2.12</td></tr>"));
  CHECK_THAT(page, Contains("Difference by range: dense, run 1 against run 2") &&
                       Contains("Difference by range: compact (both, 0.5), run 1 against run 2"));
  CHECK_THAT(page, Contains("<tr><th scope=\"row\">block/mlp/fc1</th><td>4</td><td>2.50</td><td>−1.50</td>"
                            "<td>gemm: 4 → 2.50 ms</td></tr>"));
  CHECK_THAT(page, Contains("<tr><th scope=\"row\">all</th><td>8</td><td>5.88</td><td>−2.12</td>"));
  for (const auto& [axis, other] : {std::pair<const char*, record::Json>{"model", "DyDiT-B/2"}, {"batch", 4}, {"input_size", 64}}) {
    auto others = made_up_profile();
    for (Record& record : others) record.axes[axis] = other;
    runs.back() = run_of(folder.path() / axis, others).front();
    CHECK_THAT(read_file(write_report(runs, folder.path() / "out")), !Contains("against run"));
  }
}
