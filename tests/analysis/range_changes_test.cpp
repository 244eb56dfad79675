// SPDX-License-Identifier: Apache-2.0
// A profile's cell beside the complete model: range by range, and from one time to the other.
#include "analysis/range_changes.h"

#include <cmath>

#include "analysis/figures.h"
#include "catch.h"
#include "made_up_profile.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using record::Record;

namespace {

/// A range with a product and what has no MACs in both cells, of which half is left, and ranges of one cell alone.
std::vector<Record> several_kernels() {
  return {kernel_row("dense", "pass/qkv", "gemm", 8, 4),
          kernel_row("dense", "pass/qkv", "bias", 2),
          kernel_row("dense", "pass/qkv", "pad", 1),
          kernel_row("dense", "pass/qkv", "(host)", 1),
          kernel_row("dense", "pass/norm", "norm", 2),
          profile_cell("dense"),
          kernel_row("compact", "pass/qkv", "gemm", 3, 1),
          kernel_row("compact", "pass/qkv", "few_rows", 1.5, 1),
          kernel_row("compact", "pass/qkv", "bias", 2),
          kernel_row("compact", "pass/qkv", "(host)", 1.5),
          kernel_row("compact", "pass/norm", "norm", 1),
          kernel_row("compact", "pass/router", "route", 0.5, 0.1),
          profile_cell("compact")};
}

double sum_of_causes(const ProfileBar& bar) { return bar.causes[0] + bar.causes[1] + bar.causes[2] + bar.causes[3]; }

double cause(const ProfileBar& bar, Cause which) { return bar.causes.at(static_cast<std::size_t>(which)); }

}  // namespace

TEST_CASE("a cell beside the complete model, range by range") {
  const auto studies = profile_studies_of(made_up_profile());
  const auto changes = range_changes(*studies[0].complete(), studies[0].asked());
  REQUIRE(changes.size() == 4);
  CHECK(changes[0].range == "pass/block/gather");
  CHECK(std::isnan(changes[0].before));
  CHECK(changes[0].over() == 2.5);
  CHECK(changes[0].behind().front() == "(launch): new, 2 ms");
  CHECK(changes[1].range == "pass/block/mlp/fc1");
  CHECK(changes[1].expected == 3);
  CHECK(changes[1].over() == 1);
  CHECK(changes[1].behind().front() == "gemm: 6 → 4 ms at 0.500 of the MACs");
  CHECK(changes[3].range == "pass/block/residual");
  CHECK(std::isnan(changes[3].time));
}

TEST_CASE("what a range is over is shared among its kernels: products by their MACs, others by the range's ratio") {
  const auto studies = profile_studies_of(several_kernels());
  const auto changes = range_changes(*studies[0].complete(), studies[0].asked());
  REQUIRE(changes.size() == 3);
  const RangeChange& qkv = changes[0];
  CHECK(qkv.range == "pass/qkv");
  CHECK(qkv.expected == 6);  // half of 12
  CHECK(qkv.over() == 2);
  std::map<std::string, KernelChange> kernels;
  double sum = 0;
  for (const KernelChange& one : qkv.kernels) {
    kernels[one.kernel] = one;
    sum += one.over();
  }
  CHECK(sum == qkv.over());
  CHECK(kernels["gemm"].over() == 1);  // 2 of 8 ms for one of four GMACs
  CHECK(kernels["gemm"].cause() == Cause::shrank_less);
  CHECK(kernels["gemm"].text() == "gemm: 8 → 3 ms at 0.250 of the MACs");
  CHECK(kernels["few_rows"].over() == -0.5);  // does the work of another
  CHECK(kernels["few_rows"].text() == "few_rows: new, 1.50 ms at 0.250 of the MACs");
  CHECK(kernels["bias"].over() == 1);
  CHECK(kernels["bias"].text() == "bias: 2 → 2 ms");
  CHECK(kernels["(host)"].over() == 1);
  CHECK(kernels["(host)"].cause() == Cause::gap);
  CHECK(kernels["pad"].over() == -0.5);
  CHECK(kernels["pad"].text() == "pad: gone, 1 ms");
  CHECK(kernels["pad"].cause() == Cause::gained);
  CHECK(qkv.behind(9).size() == 3);  // what is over
  CHECK(qkv.behind(2).size() == 2);
  CHECK(changes[1].kernels.front().cause() == Cause::new_kernel);
  CHECK(changes[1].behind() == std::vector<std::string>{"route: new, 0.500 ms"});
  CHECK(std::isnan(changes[2].expected));  // no MACs: expected to stay
  CHECK(changes[2].over() == -1);
  CHECK(changes[2].behind() == std::vector<std::string>{"norm: 2 → 1 ms"});
}

TEST_CASE("a profile's waterfall leads from the complete model's time to the cell's") {
  auto records = several_kernels();
  set(records.back(), "remainder_time", 0.75);
  for (int i = 0; i < 12; ++i)  // more ranges than bars, lost and gained
    for (const char* engine : {"dense", "compact"})
      records.insert(records.begin(), kernel_row(engine, "pass/" + std::to_string(i), "add",
                                                 1 + (engine[0] == 'd' ? 0.01 : 0.02) * (i % 2 == 0 ? i : -i)));
  const auto studies = profile_studies_of(records);
  const auto found = waterfall_of(*studies[0].complete(), studies[0].asked());
  REQUIRE(found);
  const ProfileWaterfall& waterfall = *found;
  CHECK(waterfall.complete.end == Approx(studies[0].complete()->whole_time()));
  CHECK(waterfall.saved.change() == -6);
  CHECK(waterfall.ranges.size() == 8);
  REQUIRE(waterfall.others);
  CHECK(waterfall.others->label == "6 other ranges");  // one has not changed
  CHECK(waterfall.remainder.change() == Approx(0.25));
  CHECK(waterfall.cell.end == Approx(studies[0].asked().whole_time()));
  std::vector<const ProfileBar*> bars{&waterfall.complete, &waterfall.saved};
  for (const ProfileBar& bar : waterfall.ranges) {
    CHECK(sum_of_causes(bar) == Approx(bar.change()));
    bars.push_back(&bar);
  }
  CHECK(sum_of_causes(*waterfall.others) == Approx(waterfall.others->change()));
  bars.insert(bars.end(), {&*waterfall.others, &waterfall.remainder, &waterfall.cell});
  for (std::size_t i = 1; i < bars.size(); ++i) CHECK(bars[i]->start == bars[i - 1]->end);
  const ProfileBar& qkv = waterfall.ranges.front();
  CHECK(qkv.label == "qkv");
  CHECK(cause(qkv, Cause::gap) == 1);
  CHECK(cause(qkv, Cause::shrank_less) == 2);
  CHECK(cause(qkv, Cause::gained) == -1);
  CHECK(waterfall.ranges.back().label == "norm");  // what gained most stands last
}

TEST_CASE("no waterfall without rows, without MACs, or with a time that is not known") {
  const auto none = [](std::vector<Record> records) {
    const auto studies = profile_studies_of(records);
    return !waterfall_of(*studies[0].complete(), studies[0].asked()) &&
           !profile_waterfall_figure(studies[0], studies[0].asked(), "w");
  };
  CHECK(!none(made_up_profile()));
  CHECK(none({profile_cell("dense"), made_up_profile()[4], profile_cell("compact")}));
  for (const std::size_t row : {0, 4}) {
    auto records = made_up_profile();
    records[row].metrics.erase("kernel_time");
    CHECK(none(records));
    CHECK_THAT(page_of(records), Contains("No waterfall of compact (both, 0.5)"));
  }
  for (const std::size_t cell : {3, 8}) {
    auto records = made_up_profile();
    records[cell].metrics.erase("remainder_time");
    CHECK(none(records));
  }
  auto records = made_up_profile();  // what there is to expect of kernels, nobody can tell
  for (Record& record : records) record.metrics.erase("kernel_gmacs");
  CHECK(none(records));
  CHECK_THAT(page_of(records), Contains("No waterfall of compact (both, 0.5)"));
  const auto studies = profile_studies_of(made_up_profile());
  CHECK(!profile_waterfall_figure(studies[0], *studies[0].complete(), "w"));
}
