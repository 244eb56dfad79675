// SPDX-License-Identifier: Apache-2.0
#include "analysis/quality_front.h"

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "catch.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using Catch::Matchers::Contains;
using test::MadeSampling;

namespace {

// A dense model in 50, 20 and 10 steps (1000, 400 and 200 ms), a cache that is clearly better than fewer steps and one
// that is clearly worse, and a model of half of the work that is better than all of them.
std::vector<record::Record> records() {
  std::vector<record::Record> all;
  const auto add = [&](MadeSampling made, double frechet) {
    made.frechet = frechet;
    all.push_back(test::sampled(made));
  };
  for (const auto& [steps, frechet] : {std::pair{50, 2.0}, {20, 8.0}, {10, 32.0}}) {
    add({.steps = steps, .model = "large"}, frechet);
    add({.engine = "compact", .steps = steps, .model = "half"}, 1.1 * frechet);
  }
  add({.cache = "fora:2", .model = "large"}, 2.1);                      // 550 ms, where the line has 4.8
  add({.cache = "fora:2", .steps = 20, .model = "large"}, 90);          // 220 ms, where it has 27
  all.push_back(test::sampled({.cache = "fora:3", .model = "large"}));  // not judged
  return all;
}

std::vector<QualityFront> fronts_of(const std::vector<record::Record>& records) {
  const test::TemporaryFolder folder;
  const auto runs = test::run_of(folder.path() / "run", records);
  return quality_fronts(sampling_studies(runs));
}

}  // namespace

TEST_CASE("judged cells of all models stand in one front") {
  const auto fronts = fronts_of(records());
  REQUIRE(fronts.size() == 1);
  const QualityFront& front = fronts[0];
  CHECK(front.points.size() == 8);
  std::string best;
  for (const FrontPoint& point : front.points)
    if (point.on_front)
      best += point.variant() + " " + point.cell.cache + " " + std::to_string(point.cell.steps) + "; ";
  CHECK(best ==
        "large (dense) none 50; large (dense) none 20; large (dense) none 10; large (dense) fora:2 50; "
        "half (compact) none 20; half (compact) none 10; ");
  // Between two numbers of steps by logarithms, beyond them nothing.
  const auto at = [&](double time) { return front.distance_at("large (dense)", "none", time).value; };
  CHECK(at(200).mean == Approx(32));
  CHECK(at(std::sqrt(200 * 400)).mean == Approx(16));
  CHECK(at(std::sqrt(200 * 400)).low == Approx(0.9 * 16));
  CHECK(std::isnan(at(199).mean));
  CHECK(std::isnan(at(1001).mean));
  CHECK(std::isnan(front.distance_at("nobody", "none", 200).value.mean));
}

TEST_CASE("a cache is held against the best sampler, and what skips against the best complete model") {
  auto all = records();
  const auto caches = [&] { return caches_held_against_steps(fronts_of(all)[0]); };
  CHECK((caches().closer == 1 && caches().farther == 1 && caches().all() == 2));
  // Another sampler without a cache is better than both.
  for (const auto& [steps, frechet] : {std::pair{50, 0.5}, {10, 1.0}})
    all.push_back(test::sampled({.sampler = "dpmpp", .steps = steps, .model = "large", .frechet = frechet}));
  CHECK(caches().farther == 2);
  const FrontPoint& cached = fronts_of(records())[0].points[3];
  CHECK((cached.cell.cached() && cached.cell.steps == 50));
  // 550 ms lie between 400 and 1000: 2.1 over 8 (2 / 8)^(log(550 / 400) / log(1000 / 400)), intervals of a tenth each.
  const double line = 8 * std::pow(0.25, std::log(550. / 400) / std::log(2.5));
  CHECK(cached.over_steps.mean == Approx(2.1 / line));
  CHECK(cached.over_steps.high == Approx(1.1 / 0.9 * 2.1 / line));
  CHECK(std::isnan(cached.over_complete.mean));
  // Two steps were never measured, so nothing is known of a cache that is as fast.
  all.push_back(test::sampled({.cache = "fora:2", .steps = 10, .model = "large", .frechet = 40}));
  CHECK((caches().beyond == 1 && caches().all() == 3));
  // The dense model that was trained on is closer than the first one, and what skips is held against it.
  auto trained_on = records();
  CHECK(skipping_held_against_complete(fronts_of(trained_on)[0], false).closer == 2);
  for (const auto& [steps, frechet] : {std::pair{50, 0.2}, {20, 0.8}, {10, 1.0}, {5, 2.0}})
    trained_on.push_back(test::sampled({.steps = steps, .model = "trained on", .frechet = frechet}));
  CHECK(skipping_held_against_complete(fronts_of(trained_on)[0], false).farther == 3);
  CHECK(skipping_held_against_complete(fronts_of(trained_on)[0], true).all() == 0);
  // Of images from the same noise distances move together: what intervals cannot tell apart, draws can.
  auto paired = records();
  const auto judged = [&](const char* cache, int steps, double frechet) -> record::Record& {
    paired.push_back(test::sampled({.cache = cache, .steps = steps, .model = "paired", .frechet = frechet}));
    auto& draws = paired.back().metrics.at("frechet").blocks.emplace_back();
    for (int r = 0; r < 40; ++r) draws.push_back(1.2 * frechet * (1 + 0.005 * (r - 20) + 0.0001 * (r % 3)));
    return paired.back();
  };
  judged("none", 50, 10);
  judged("none", 20, 10);
  judged("fora:2", 50, 9.8);
  CHECK((caches_held_against_steps(fronts_of(paired)[0]).closer == 2));
  std::ranges::reverse(paired.back().metrics.at("frechet").blocks[0]);  // these do not
  CHECK((caches_held_against_steps(fronts_of(paired)[0]).closer == 1));
  paired.back().metrics.at("frechet").blocks[0].resize(10);
  CHECK((caches_held_against_steps(fronts_of(paired)[0]).closer == 1));
  // Engines of one model are two lines, and sets that were judged otherwise two fronts.
  auto engines = records();
  for (auto record : records())
    if (record.axes["model"] == "half") {
      record.axes["engine"] = "masked";
      record.cell = record::cell_hash("sampling", record.axes, {}, 0);
      engines.push_back(record);
    }
  CHECK(std::isfinite(fronts_of(engines)[0].distance_at("half (masked)", "none", 300).value.mean));
  engines.back().axes["judged_by"] = "another network";
  CHECK(fronts_of(engines).size() == 2);
  engines.back().axes.erase("judged_by");
  engines.back().metrics.at("judged_images").value = 5;
  CHECK(fronts_of(engines).size() == 2);
}

TEST_CASE("the page says whether a cache beats fewer steps, and what skipping adds") {
  const std::string page = test::page_of(records());
  CHECK_THAT(page, Contains("Does a cache beat fewer steps, and what does skipping add?"));
  CHECK_THAT(page,
             Contains("of 2 cells <b>1</b> are clearly closer to real images, <b>1</b> clearly farther, of <b>0</b>"));
  // Of the model of half of the work 50 steps take 550 ms and 20 take 220: both within the dense model's times.
  CHECK_THAT(page, Contains("of 3 cells <b>2</b> are clearly closer to real images, <b>0</b> clearly farther, of "
                            "<b>0</b> it cannot be told, the times of <b>1</b> are beyond those measured"));
  CHECK_THAT(page, Contains("100 for each cell"));
  // Nothing is said where nothing was judged.
  CHECK_THAT(test::page_of(test::combinations(1)), !Contains("beat fewer steps"));
}

TEST_CASE("a front of one cell, of equal times and of distances that are none is drawn") {
  auto one = std::vector{test::sampled({.model = "large", .frechet = 3})};
  CHECK_THAT(test::page_of(one), Contains("quality-front"));
  one.push_back(one.front());
  one.back().cell = "other";
  one.back().axes["sampler"] = "dpmpp";
  one.back().metrics.at("frechet").value = -1e-12;
  one.back().metrics.at("frechet").ci95 = {{-1, 1}};
  CHECK_THAT(test::page_of(one), Contains("quality-front"));
}

TEST_CASE("what skips with a cache is held against the complete model with that cache") {
  auto all = records();
  // 302.5 ms of the half with the cache lie between 550 and 220 ms of the complete model with it.
  all.push_back(test::sampled({.engine = "compact", .cache = "fora:2", .model = "half", .frechet = 10}));
  const double line = 90 * std::pow(2.1 / 90, std::log(302.5 / 220) / std::log(550. / 220));
  const auto fronts = fronts_of(all);
  const auto both = std::ranges::find_if(
      fronts[0].points, [](const FrontPoint& point) { return point.cell.skips() && point.cell.cached(); });
  REQUIRE(both != fronts[0].points.end());
  CHECK(both->over_complete.mean == Approx(10 / line));
  CHECK(skipping_held_against_complete(fronts_of(all)[0], true).closer == 1);
  // As the complete model has it, which has no routers to decide anew.
  all.back().axes["cache"] = "fora:2,anew";
  CHECK(skipping_held_against_complete(fronts_of(all)[0], true).closer == 1);
  // Unless that was measured with the cache of this name.
  for (record::Record& record : all)
    if (record.axes["cache"] == "fora:2") record.axes["cache"] = "fora:2,anew";
  CHECK(skipping_held_against_complete(fronts_of(all)[0], true).closer == 1);
  const auto figure = quality_ratio_figure(fronts_of(all)[0], "ratio");
  REQUIRE(figure);
  CHECK(std::ranges::count(figure->csv, '\n') == 1 + 2 + 2 + 1 + 1);  // caches of either, skipping without and with one
  CHECK_THAT(figure->plot, Contains("both over that cache"));
  // Nothing is drawn where nothing can be held against anything.
  CHECK_FALSE(quality_ratio_figure(fronts_of({test::sampled({.model = "large", .frechet = 3})})[0], "ratio"));
}

TEST_CASE("samplers have panels of their own, as many in a figure as it has room for") {
  std::vector<record::Record> all;
  for (const char* sampler : {"ddim", "ddpm", "dpmpp", "heun"})
    for (const int steps : {50, 20})
      all.push_back(test::sampled({.sampler = sampler, .steps = steps, .model = "large", .frechet = 100. / steps}));
  const auto front = fronts_of(all).at(0);
  const auto figures = quality_front_figures(front, "front");
  REQUIRE(figures.size() == 2);
  CHECK((figures[0].name == "front" && figures[1].name == "front-2"));
  const auto panels = [](const Figure& figure) {
    std::size_t count = 0;
    for (std::size_t at = figure.plot.find("\nplot "); at != std::string::npos;
         at = figure.plot.find("\nplot ", at + 1))
      ++count;
    return count;
  };
  CHECK((panels(figures[0]) == 3 && panels(figures[1]) == 1));
  // The front is one line, from the fastest cell to the slowest.
  CHECK_THAT(figures[0].settings, Contains("$front << EOD\n400,5\n400,5\n400,5\n400,5\n1000,2\n"));  // all alike
  // Of two settings none takes the other's figures.
  auto settings = all;
  for (record::Record record : all) {
    record.axes["guidance"] = 4;
    record.cell = record::cell_hash("sampling", record.axes, {}, 0);
    settings.push_back(record);
  }
  const std::string page = test::page_of(settings);
  for (const char* name :
       {"quality-front.csv", "quality-front-2.csv", "quality-front-setting-2.csv", "quality-front-setting-2-2.csv"})
    CHECK_THAT(page, Contains(name));
}

TEST_CASE("cells that were judged again stand in a front of their own, with their times") {
  auto all = records();
  for (const std::size_t i : {0, 1}) {  // 50 steps of both models
    record::Record again = all[i];
    again.study = "front";
    again.cell = record::cell_hash("front", again.axes, {}, 0);
    auto& metrics = again.metrics;
    std::erase_if(metrics, [](const auto& metric) { return metric.first == "image_time"; });
    metrics.at("frechet").value /= 2;
    metrics.at("judged_images").value = 1000;
    all.push_back(again);
  }
  const test::TemporaryFolder folder;
  const auto runs = test::run_of(folder.path() / "run", all);
  const auto again = fronts_judged_again(runs);
  REQUIRE(again.size() == 1);
  CHECK(again[0].images == 1000);
  REQUIRE(again[0].points.size() == 2);
  CHECK(again[0].points[0].cell.time.mean == Approx(1000));
  CHECK(again[0].points[0].cell.frechet.mean == 1);
  CHECK(quality_fronts(sampling_studies(runs)).size() == 1);
  CHECK_THAT(test::page_of(all), Contains("The front by 1000 other images"));
}
