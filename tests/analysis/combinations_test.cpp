// SPDX-License-Identifier: Apache-2.0
#include "analysis/combinations.h"

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "base/error.h"
#include "catch.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using record::Json;
using record::Record;

namespace {

std::vector<SamplingStudy> studies_of_records(const std::vector<Record>& records) {
  const test::TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run", records);
  return sampling_studies(runs);
}

const SamplingCell& cell_named(const SamplingStudy& study, const std::string& name) {
  const auto found = std::ranges::find_if(study.cells, [&](const SamplingCell& cell) { return cell.name() == name; });
  INFO(name);
  REQUIRE(found != study.cells.end());
  return *found;
}

std::string names(const std::vector<const SamplingCell*>& cells) {
  std::string text;
  for (const SamplingCell* cell : cells) text += (cell == nullptr ? "?" : cell->name()) + "; ";
  return text;
}

double sum(const SamplingWaterfall& waterfall) {
  double total = waterfall.ideal.mean;
  for (const Interval& cause : waterfall.causes) total += cause.mean;
  return total;
}

}  // namespace

TEST_CASE("cells of sampling are read in one order, whatever the order of the records") {
  auto records = combinations(0.95);
  const auto forth = studies_of_records(records);
  std::reverse(records.begin(), records.end());
  const auto back = studies_of_records(records);
  REQUIRE((forth.size() == 1 && back.size() == 1));
  CHECK(forth[0].title() == "DyDiT-S/2, float32, cpu, 2 threads, batch 8, guidance 1.5");
  std::string order;
  for (const SamplingCell& cell : forth[0].cells) order += cell.name() + "; ";
  CHECK(order ==
        "dense + ddim 50; dense + dpmpp 10; dense + fora:2 + ddim 50; dense + fora:2 + dpmpp 10; "
        "compact + ddim 50; compact + dpmpp 10; compact + fora:2 + ddim 50; compact + fora:2 + dpmpp 10; ");
  for (std::size_t i = 0; i < forth[0].cells.size(); ++i) CHECK(forth[0].cells[i].name() == back[0].cells[i].name());
  const SamplingCell& last = forth[0].cells.back();
  CHECK(last.time.mean == Approx(1000 / (0.95 * 5 / 0.55 / 0.55)));
  CHECK(last.multiplied.mean == Approx(5 / 0.55 / 0.55));
  CHECK(last.share.high == Approx(0.95 * 1.01));
  CHECK(last.own_speedup.mean == Approx(0.95 * 5 / 0.55));
  CHECK(last.gmacs == Approx(15));
  CHECK(last.gmacs_guided == Approx(30));
  CHECK(last.theory == Approx(20));
  CHECK((last.blocks_run == 0.5 && last.passes == 10 && last.full_passes == 5));
  CHECK((last.activation_memory == 64 && last.cache_memory == 32));
  CHECK(!last.disturbed());
}

TEST_CASE("other settings are studies of sampling of their own; of two records of one cell the later counts") {
  auto records = combinations(0.95);
  for (const char* axis : {"batch", "guidance"}) {
    records.push_back(sampled({}));
    records.back().axes[axis] = 1;
    records.back().cell += axis;
  }
  records.push_back(sampled({.keep = 0.7}));  // a share of units does not make a study
  const test::TemporaryFolder folder;
  auto runs = run_of(folder.path() / "a", records);
  Record later = sampled({.cache = "fora:2"});
  set(later, "image_time", 7);
  runs.push_back(run_of(folder.path() / "b", {later}).front());
  const auto studies = sampling_studies(runs);
  REQUIRE(studies.size() == 3);
  CHECK(studies[0].title() == "DyDiT-S/2, float32, cpu, 2 threads, batch 1, guidance 1.5");
  CHECK(studies[1].title() == "DyDiT-S/2, float32, cpu, 2 threads, batch 8, guidance 1");
  CHECK(studies[2].cells.size() == 9);
  CHECK(cell_named(studies[2], "dense + fora:2 + ddim 50").time.mean == 7);
}

TEST_CASE("a record of sampling that lacks an axis, or says what cannot be, is refused") {
  const auto refused = [](const char* what, auto change) {
    INFO(what);
    Record record = sampled({"compact", "fora:2", "dpmpp", 10});
    change(record);
    CHECK_THROWS_WITH(studies_of_records({record}), Contains(what));
    CHECK_THROWS_AS(studies_of_records({record}), InputError);
  };
  for (const char* axis : {"engine", "which", "cache", "sampler", "steps", "dtype", "device", "threads"}) {
    refused(axis, [&](Record& record) { record.axes.erase(axis); });
    refused(axis, [&](Record& record) { record.axes[axis] = Json::array(); });
  }
  for (const char* axis : {"which", "cache", "sampler"})
    refused("an empty axis", [&](Record& record) { record.axes[axis] = ""; });
  refused("an engine that its manifest does not name", [](Record& record) { record.axes["engine"] = "fast"; });
  refused("'keep' that is not from 0 to 1", [](Record& record) { record.axes["keep"] = 1.5; });
  refused("'keep' that is not from 0 to 1", [](Record& record) { record.axes["keep"] = "half"; });
  refused("0 steps", [](Record& record) { record.axes["steps"] = 0; });
  refused("a 'image_time' of 0", [](Record& record) { set(record, "image_time", 0); });
  refused("a 'sampling_speedup' of -1", [](Record& record) { set(record, "sampling_speedup", -1); });
  refused("a 'blocks_run' of -1", [](Record& record) { set(record, "blocks_run", -1); });
  refused("'image_time' in 's'", [](Record& record) { record.metrics["image_time"].unit = std::string("s"); });
  refused("a block of 'solver_image_time'",
          [](Record& record) { record.metrics["solver_image_time"].blocks[1] = {std::nan("")}; });
  refused("beyond all numbers", [](Record& record) { set(record, "cached_gmacs", 1e-308); });
}

TEST_CASE("what was not measured is a dash, and no number") {
  Record bare = sampled({"compact", "fora:2", "dpmpp", 10});
  bare.metrics.clear();
  const SamplingStudy study = studies_of_records({bare}).at(0);
  CHECK(std::isnan(study.cells[0].time.mean));
  CHECK(!study.cells[0].waterfall);
  CHECK(!combinations_figure(study, Against::product, "p"));
  CHECK(!combinations_figure(study, Against::theory, "t"));
  CHECK(!sampling_waterfall_figure(study, "w"));
  Record partly = sampled({"compact", "fora:2", "ddim", 50});
  for (const char* name : {"sampling_speedup", "multiplied_share", "image_time", "blocks_run"})
    set(partly, name, std::nan(""));
  const std::string page = page_of({bare, partly});
  CHECK_THAT(page, Contains("<th scope=\"row\">compact</th><td>fora:2</td><td>dpmpp</td><td>10</td><td>–</td><td>–</td>"
                            "<td>–</td><td>–</td><td>–</td><td>–</td><td>–</td><td>–</td><td>–</td><td>–</td></tr>"));
  CHECK_THAT(page,
             Contains("The product of the separate speedups is not known for any combination. Where the cell of the "
                      "reference is missing"));
  for (const char* word : {">nan", "nan<", "NaN", "inf<"}) CHECK(page.find(word) == page.npos);
}

TEST_CASE("the waterfall of a combination adds up to its time, each loss at the MACs that are executed") {
  const Record record = sampled({"compact", "fora:2", "dpmpp", 10, 0.8});
  const SamplingWaterfall waterfall = sampling_waterfall_of(record).value();
  const double time = 1000 / (0.8 * 5 / 0.55 / 0.55);
  // 30 of 600 GMACs. The sampler loses nothing; the cache takes 1.1 of the time that its MACs would, and the engine
  // as much again and a quarter more.
  CHECK(waterfall.ideal.mean == Approx(50));
  CHECK(waterfall.ideal.low == Approx(49.5));
  CHECK(waterfall.causes[0].mean == Approx(0).margin(1e-9));
  CHECK(waterfall.causes[1].mean == Approx(5));
  CHECK(waterfall.causes[2].mean == Approx(time - 55));
  CHECK(sum(waterfall) == Approx(time).epsilon(1e-12));
  for (const auto& made : combinations(0.8)) {
    const auto other = sampling_waterfall_of(made).value();
    CHECK(sum(other) == Approx(made.metrics.at("image_time").value).epsilon(1e-12));
  }
  // A slow sampler, as in the contract: what it takes beyond its MACs, at those of the cell.
  Record slow = record;
  set(slow, "solver_image_time", 240);
  CHECK(sampling_waterfall_of(slow)->causes[0].mean == Approx((240 - 1000 * 120 / 600) * 30 / 120));
}

TEST_CASE("intervals of a combination's waterfall come from common blocks, else from those of the times") {
  Record record = sampled({"compact", "fora:2", "dpmpp", 10, 0.8});
  // All times vary together in the made-up blocks, and so do the differences.
  CHECK(sampling_waterfall_of(record)->causes[1].low == Approx(0.99 * 5));
  CHECK(sampling_waterfall_of(record)->causes[1].high == Approx(1.01 * 5));
  record.metrics["reference_image_time"].blocks.clear();
  const auto apart = sampling_waterfall_of(record).value();
  CHECK(apart.causes[1].mean == Approx(5));
  CHECK(apart.causes[1].high - apart.causes[1].mean == Approx(0.01 * std::hypot(55, 50)));
  record.metrics["reference_image_time"].ci95.reset();
  CHECK(std::isnan(sampling_waterfall_of(record)->causes[0].high));
  CHECK(std::isfinite(sampling_waterfall_of(record)->causes[1].high));
  record.metrics.erase("reference_image_time");
  CHECK(!sampling_waterfall_of(record));

  Record reference = sampled({});
  for (const char* name : {"reference_image_time", "solver_image_time", "cached_image_time"})
    reference.metrics[name].blocks.clear();
  const auto nothing = sampling_waterfall_of(reference).value();
  for (const Interval& cause : nothing.causes) CHECK((cause.low == 0 && cause.mean == 0 && cause.high == 0));
  CHECK(nothing.ideal.mean == 1000);
}

TEST_CASE("what a combination is made of, alone") {
  auto records = combinations(0.95);
  records.push_back(sampled({"compact", "fora:2,anew", "ddim", 50}));
  const SamplingStudy study = studies_of_records(records).at(0);
  REQUIRE(study.reference() != nullptr);
  CHECK(study.reference()->name() == "dense + ddim 50");
  const auto separate = [&](const std::string& name) { return names(study.separate(cell_named(study, name))); };
  CHECK(separate("dense + ddim 50").empty());
  CHECK(separate("dense + dpmpp 10") == "dense + dpmpp 10; ");
  CHECK(separate("compact + ddim 50") == "compact + ddim 50; ");
  CHECK(separate("compact + fora:2 + dpmpp 10") == "compact + ddim 50; dense + fora:2 + ddim 50; dense + dpmpp 10; ");
  CHECK(separate("compact + fora:2,anew + ddim 50") == "compact + ddim 50; dense + fora:2 + ddim 50; ");

  // Without the reference it is not known which sampler is another one.
  std::erase_if(records, [](const Record& record) { return record.metrics.at("sampling_speedup").value == 1; });
  const SamplingStudy headless = studies_of_records(records).at(0);
  CHECK(headless.reference() == nullptr);
  CHECK(names(headless.separate(cell_named(headless, "compact + dpmpp 10"))) == "?; ");
  CHECK_THAT(page_of(records), Contains("Where the cell of the reference is missing, what is a combination by"));
  CHECK(names(headless.separate(cell_named(headless, "compact + fora:2 + dpmpp 10"))) == "?; ?; ");
}

TEST_CASE("a complete model that was timed for each share kept is that of the same share") {
  std::vector<Record> records;
  for (const double keep : {0.7, 0.5})
    for (const char* cache : {"none", "fora:2"})
      for (const char* engine : {"dense", "compact"}) records.push_back(sampled({engine, cache, "ddim", 50, 1, keep}));
  const SamplingStudy study = studies_of_records(records).at(0);
  CHECK(study.cells.size() == 8);
  for (const double keep : {0.7, 0.5}) {
    const auto& cell = cell_named(
        study, keep == 0.7 ? "compact (both, 0.7) + fora:2 + ddim 50" : "compact (both, 0.5) + fora:2 + ddim 50");
    const auto parts = study.separate(cell);
    REQUIRE((parts.size() == 2 && parts[0] != nullptr && parts[1] != nullptr));
    CHECK((parts[0]->keep == Kept{{keep}} && parts[1]->keep == Kept{{keep}}));
  }
}

TEST_CASE("combinations with shares by axis are named by them") {
  auto records = combinations(0.95);
  for (Record& record : records)
    if (record.axes["engine"] == "compact") record.axes.update(Json{{"which", "both"}, {"keep", {0.75, 0.625, 0.65}}});
  const SamplingStudy study = studies_of_records(records).at(0);
  const std::string name = "compact (both, 0.75, 0.625, 0.65) + fora:2 + dpmpp 10";
  CHECK(study.separate(cell_named(study, name)).size() == 3);
  CHECK_THAT(combinations_figure(study, Against::product, "p").value().csv,
             Contains(",compact,both,\"0.75, 0.625, 0.65\",fora:2,dpmpp,10\n"));
  CHECK_THAT(page_of(records), Contains(name));
}

TEST_CASE("the figures of combinations draw every cell, a colour for each engine, a symbol for each cache") {
  const test::TemporaryFolder folder;
  const SamplingStudy study = studies_of_records(combinations(0.95)).at(0);
  const Figure figure = combinations_figure(study, Against::product, "p").value();
  CHECK_THAT(figure.csv,
             StartsWith("place,sampling_speedup,sampling_speedup_low,sampling_speedup_high,colour,symbol,"));
  CHECK_THAT(figure.csv, Contains("\n16.528926,15.702479,15.545455,15.859504,2,5,16.528926,16.363636,16.694215,0.95,"));
  CHECK_THAT(figure.csv, Contains(",15,30,0.5,10,5,64,32,compact,own,NaN,fora:2,dpmpp,10\n"));
  CHECK(std::count(figure.csv.begin(), figure.csv.end(), '\n') == 1 + 8);
  CHECK_THAT(figure.plot,
             Contains("keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'dense'") &&
                 Contains("keyentry with points linetype 2 pointtype 7 pointsize 0.8 linewidth 1.2 title "
                          "'compact'") &&
                 Contains("pointtype 5 pointsize 0.8 linewidth 1.2 title 'fora:2'"));
  CHECK_THAT(figure.plot, Contains("set xtics (1, 2, 5, 10)"));
  draw(figure, folder.path(), "2026-01-31T12:34:56Z");
  const Figure theory = combinations_figure(study, Against::theory, "t").value();
  CHECK_THAT(theory.csv, Contains("\n20,15.702479,15.545455,15.859504,2,5,16.528926,"));
  draw(theory, folder.path(), "2026-01-31T12:34:56Z");

  // A cell without a product has no place; of one point alone there is still a figure.
  Record bare = sampled({"compact", "fora:2", "dpmpp", 10});
  bare.metrics.erase("multiplied_speedup");
  const auto some = studies_of_records({sampled({}), bare}).at(0);
  const Figure alone = combinations_figure(some, Against::product, "one").value();
  CHECK_THAT(alone.csv, Contains("\nNaN,16.528926,"));
  CHECK(alone.plot.find("compact") == alone.plot.npos);
  draw(alone, folder.path(), "2026-01-31T12:34:56Z");
}

TEST_CASE("bars of combinations stack what is lost, and lead back by what is gained") {
  const test::TemporaryFolder folder;
  auto records = combinations(0.8);
  Record& last = records.back();  // compact + fora:2 + dpmpp 10
  set(last, "solver_image_time", 160, 1);
  const SamplingStudy study = studies_of_records(records).at(0);
  CHECK(names(shown_combinations(study)) == "dense + fora:2 + dpmpp 10; compact + fora:2 + dpmpp 10; ");
  const Figure figure = sampling_waterfall_figure(study, "w").value();
  // Ideal 50 ms; the sampler gains 10, so the cache loses 15 and the rest 20.6: up to 85.6 and back to 75.6.
  CHECK_THAT(figure.csv, Contains("\n0,0,50,0.22,50,") && Contains("ideal_time,compact + fora:2 + dpmpp 10\n"));
  CHECK_THAT(figure.csv,
             Contains("\n0,85.625,75.625,0.1,-10,") && Contains("lost_to_sampler,compact + fora:2 + dpmpp 10"));
  CHECK_THAT(figure.csv, Contains("\n0,50,65,0.22,15,") && Contains("\n0,65,85.625,0.22,20.625,"));
  CHECK_THAT(figure.csv, Contains("\n0,75.625,75.625,0.22,75.625,74.86875,76.38125,image_time,compact"));
  CHECK(std::count(figure.csv.begin(), figure.csv.end(), '\n') == 1 + 2 * 5);
  draw(figure, folder.path(), "2026-01-31T12:34:56Z");
}
