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
  CHECK(front.models().size() == 2);
  const auto steps = front.steps_of("large", "ddim");
  REQUIRE(steps.size() == 3);
  CHECK(steps[0]->cell.steps == 10);
  std::string best;
  for (const FrontPoint& point : front.points)
    if (point.on_front) best += point.name() + " " + std::to_string(point.cell.steps) + "; ";
  CHECK(best ==
        "large, ddim 50; large, ddim 20; large, ddim 10; large + fora:2, ddim 50; half, ddim 20; half, ddim 10; ");
  // Between two numbers of steps by logarithms, beyond them nothing.
  CHECK(distance_at(steps, 200).mean == Approx(32));
  CHECK(distance_at(steps, std::sqrt(200 * 400)).mean == Approx(16));
  CHECK(distance_at(steps, std::sqrt(200 * 400)).low == Approx(0.9 * 16));
  CHECK(std::isnan(distance_at(steps, 199).mean));
  CHECK(std::isnan(distance_at(steps, 1001).mean));
  CHECK(std::isnan(distance_at({}, 200).mean));
  const auto point = [&](double distance) {
    FrontPoint of = front.points[0];
    of.cell.frechet = {distance, 0.9 * distance, 1.1 * distance};
    return of;
  };
  CHECK(better(point(8), {10, 9, 11}) == Judgement::yes);
  CHECK(better(point(13), {10, 9, 11}) == Judgement::no);
  CHECK(better(point(9), {10, 9, 11}) == Judgement::cannot_tell);
  CHECK(better(point(9), no_interval) == Judgement::cannot_tell);
}

TEST_CASE("the page says whether a cache beats fewer steps, and what skipping adds") {
  const std::string page = test::page_of(records());
  CHECK_THAT(page, Contains("Does a cache beat fewer steps, and what does skipping add?"));
  CHECK_THAT(page,
             Contains("of 2 cells <b>1</b> are clearly closer to real images, <b>1</b> clearly farther, of <b>0</b>"));
  // Of the model of half of the work 50 steps take 550 ms and 20 take 220: both within the dense model's times.
  CHECK_THAT(page, Contains("of 2 cells <b>2</b> are clearly closer"));
  CHECK_THAT(page, Contains("100 images for each cell"));
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
