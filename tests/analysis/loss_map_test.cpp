// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_map.h"

#include <cmath>
#include <functional>

#include "analysis/figures.h"
#include "base/error.h"
#include "catch.h"
#include "made_up_run.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using checkpoint::Tensor;
using record::Run;
using record::RunDirectory;

/// Two 2x4 images at one timestep, patch 2: the first even, the second with everything in its left token.
static Run small_run(
    const std::filesystem::path& path,
    const std::function<void(record::Json& axes, checkpoint::Tensors&)>& change = [](auto&, auto&) {}) {
  const std::vector<std::int64_t> index = {5, 8}, timestep = {300}, label = {0, 0};
  const std::vector<float> image(2 * 8, -1), map = {1, 1, 1, 1, 1, 1, 1, 1,  //
                                                    4, 0, 0, 0, 0, 4, 0, 0};
  RunDirectory run(path, record::Json::object());
  record::Record record{.cell = "c", .study = "loss-map"};
  record.axes = {{"model", "S"}, {"first", 0}, {"count", 2}, {"draws", 3}, {"patch", 2}};
  record.tensors = {"maps"};
  checkpoint::Tensors tensors = {{"index", Tensor::of<std::int64_t>(index, {2})},
                                 {"timestep", Tensor::of<std::int64_t>(timestep, {1})},
                                 {"label", Tensor::of<std::int64_t>(label, {2})},
                                 {"image", Tensor::of<float>(image, {2, 1, 2, 4})},
                                 {"map", Tensor::of<float>(map, {2, 1, 2, 4})}};
  change(record.axes, tensors);
  run.write_tensors("maps", tensors);
  run.append(record);
  return record::read_run(path);
}

TEST_CASE("concentration is the mean over images of that of their tokens") {
  const test::TemporaryFolder folder;
  const std::vector<Run> runs = {small_run(folder.path() / "a")};
  const auto result = concentrations(runs);
  REQUIRE(result.size() == 1);
  CHECK(result[0].images == 2);
  // Two tokens: even is 0 and 0.2; all in one is 1/2 and 0.4 (two fifths of one token).
  CHECK(result[0].gini[0].mean == Approx(0.25));
  CHECK(result[0].gini[0].high == Approx(0.5));
  CHECK(result[0].hardest_share[0].mean == Approx(0.3));
  CHECK(result[0].chance.gini == Approx(chance_concentration(1 * 2 * 2 * 3).gini));
  CHECK(to_csv(result).find("\n300,2,0.25,0,0.5,0.3,0.2,0.4,") != std::string::npos);
}

TEST_CASE("axes and tensors that no study writes are refused, not computed with") {
  const auto floats = [](std::vector<std::int64_t> shape) {
    const std::vector<float> values(static_cast<std::size_t>(*checkpoint::elements_of(shape)), 1);
    return Tensor::of<float>(values, shape);
  };
  const auto integers = [](std::size_t count) {
    const std::vector<std::int64_t> values(count, 7);
    return Tensor::of<std::int64_t>(values, {static_cast<std::int64_t>(count)});
  };
  struct Case {
    const char* what;
    std::function<void(record::Json&, checkpoint::Tensors&)> change;
  };
  const std::vector<Case> cases = {
      {"a patch that does not divide the map", [](auto& axes, auto&) { axes["patch"] = 3; }},
      {"no patch", [](auto& axes, auto&) { axes["patch"] = 0; }},
      {"no draws", [](auto& axes, auto&) { axes["draws"] = 0; }},
      {"more draws than there is time for", [](auto& axes, auto&) { axes["draws"] = 1'000'000'000'000'000'000; }},
      {"fewer labels than images", [&](auto&, auto& tensors) { tensors["label"] = integers(1); }},
      {"no timesteps",
       [&](auto&, auto& tensors) {
         tensors["timestep"] = integers(0);
         tensors["map"] = floats({2, 0, 2, 4});
       }},
      {"more timesteps than a diffusion has",
       [&](auto&, auto& tensors) {
         tensors["timestep"] = integers(1001);
         tensors["map"] = floats({2, 1001, 2, 4});
       }},
      {"no images",
       [&](auto&, auto& tensors) {
         tensors["index"] = tensors["label"] = integers(0);
         tensors["map"] = floats({0, 1, 2, 4});
         tensors["image"] = floats({0, 1, 2, 4});
       }},
      {"no pixels",
       [&](auto&, auto& tensors) {
         tensors["map"] = floats({2, 1, 0, 0});
         tensors["image"] = floats({2, 1, 0, 0});
       }},
      {"no channels", [&](auto&, auto& tensors) {
         tensors["image"] = floats({2, 0, 2, 4});
       }}};
  for (const auto& [what, change] : cases) {
    INFO(what);
    const test::TemporaryFolder folder;
    const std::vector<Run> runs = {small_run(folder.path() / "a", change)};
    CHECK_THROWS_AS((map_grids(runs, Mapped::loss), concentrations(runs)), InputError);
  }
}

TEST_CASE("losses that are no numbers are shown as such") {
  const test::TemporaryFolder folder;
  std::vector<float> values(2 * 32 * 32);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % 3 == 0 ? std::nanf("") : i % 7 == 0 ? HUGE_VALF : static_cast<float>(i % 11);
  const std::vector<Run> runs = {small_run(folder.path() / "a", [&](auto&, auto& tensors) {
    tensors["map"] = tensors["image"] = Tensor::of<float>(values, {2, 1, 32, 32});
  })};
  CHECK(std::isnan(concentrations(runs)[0].gini[0].mean));
  const std::string settings = loss_map_figure(map_grids(runs, Mapped::loss)[0], false).settings;
  CHECK(settings.find("array low[R*K] = [0, 0]") != std::string::npos);
  CHECK(settings.find("array high[R*K] = [10, 10]") != std::string::npos);
}

TEST_CASE("a grid holds the chosen images and timesteps") {
  const test::TemporaryFolder folder;
  const std::vector<Run> runs = {small_run(folder.path() / "a")};
  const auto grids = map_grids(runs, Mapped::loss, 1);
  REQUIRE(grids.size() == 1);
  CHECK(grids[0].height == 2);
  CHECK(grids[0].width == 4);
  REQUIRE(grids[0].rows.size() == 1);
  CHECK(grids[0].rows[0].index == 5);
  CHECK(grids[0].rows[0].rgb == std::vector<std::uint8_t>(24, 0));
  CHECK(grids[0].rows[0].maps == std::vector<std::vector<float>>{std::vector<float>(8, 1)});
}

TEST_CASE("the reference comes first, with the first and the last timestep among those shown") {
  const test::TemporaryFolder folder;
  const std::vector<Run> runs = {record::read_run(test::make_run(folder.path() / "a"))};
  const auto grids = map_grids(runs, Mapped::loss, 6, 3);
  REQUIRE(grids.size() == 2);
  CHECK(grids[0].model == "DiT-XL/2");
  CHECK(grids[0].timesteps == std::vector<double>{10, 200, 900});
  CHECK(grids[0].rows.size() == 6);
}

TEST_CASE("images of different classes are shown first") {
  const test::TemporaryFolder folder;
  const std::vector<std::int64_t> index = {0, 1, 2, 3}, timestep = {1}, label = {4, 4, 4, 7};
  const std::vector<float> values(4, 0.5F);
  RunDirectory run(folder.path() / "a", record::Json::object());
  record::Record record{.cell = "c", .study = "loss-map", .axes = {{"model", "S"}}};
  record.tensors = {"maps"};
  run.write_tensors("maps", {{"index", Tensor::of<std::int64_t>(index, {4})},
                             {"timestep", Tensor::of<std::int64_t>(timestep, {1})},
                             {"label", Tensor::of<std::int64_t>(label, {4})},
                             {"image", Tensor::of<float>(values, {4, 1, 1, 1})},
                             {"map", Tensor::of<float>(values, {4, 1, 1, 1})}});
  run.append(record);
  const auto grid = map_grids(std::vector{record::read_run(folder.path() / "a")}, Mapped::loss, 3).front();
  std::vector<std::int64_t> shown;
  for (const MapRow& row : grid.rows) shown.push_back(row.index);
  CHECK(shown == std::vector<std::int64_t>{0, 1, 3});
}
