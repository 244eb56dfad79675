// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_gap.h"

#include <chrono>

#include "analysis/paper.h"
#include "base/error.h"
#include "catch.h"
#include "made_up_run.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using record::Json;
using record::Run;
using record::RunDirectory;
using test::add_gap_chunk;

static const Json two_models = {{"models", {{{"name", "S"}}, {{"name", "XL"}}}}, {"seed", 1}};

TEST_CASE("the gap is the mean difference over the images that both models have, joined by index") {
  const test::TemporaryFolder folder;
  {
    RunDirectory run(folder.path() / "a", two_models);
    // The reference's chunks come first, in another order, and lack image 4.
    add_gap_chunk(run, "XL", {3, 2}, {100, 7}, {0.3F, 3, 0.2F, 2});
    add_gap_chunk(run, "XL", {1}, {100, 7}, {0.1F, 1});
    add_gap_chunk(run, "S", {1, 2}, {7, 100}, {1.5F, 0.1F, 2.5F, 0.2F});
    add_gap_chunk(run, "S", {3, 4}, {7, 100}, {4.5F, 0.3F, 99, 99});
  }
  const std::vector<Run> runs = {record::read_run(folder.path() / "a")};
  const LossGap gap = loss_gap(runs).value();
  CHECK(gap.images == 3);
  CHECK(gap.timesteps == std::vector<double>{7, 100});
  REQUIRE(gap.models.size() == 2);
  CHECK(gap.models[1].model == "XL");
  CHECK(gap.models[1].mse[0] == Approx(2));
  CHECK(gap.models[0].mse[0] == Approx(8.5 / 3));
  CHECK(gap.models[0].mse_gap[0].mean == Approx(2.5 / 3));
  CHECK(gap.models[0].mse_gap[0].low == Approx(0.5));
  CHECK(gap.models[0].mse_gap[0].high == Approx(1.5));
  CHECK(gap.models[0].mse_gap[1].mean == Approx(0).margin(1e-12));
  CHECK(gap.models[0].vb_gap[0].mean == Approx(2 * 2.5 / 3));
  CHECK(gap.models[1].mse_gap.empty());
  const std::string csv = to_csv(gap);
  CHECK(csv.find("\n7,3,2.8333333,5.6666667,0.83333333,0.5,1.5,") != std::string::npos);
  CHECK(csv.find("\n7,3,2,4,,,,,,,XL\n") != std::string::npos);
}

TEST_CASE("the true gap of a made-up run lies in its intervals") {
  const test::TemporaryFolder folder;
  const std::vector<Run> runs = {record::read_run(test::make_run(folder.path() / "a", {.images = 200}))};
  const LossGap gap = loss_gap(runs).value();
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    const Interval& interval = gap.models[0].mse_gap[k];
    const double truth = test::true_gap(static_cast<std::int64_t>(gap.timesteps[k]));
    CHECK(std::abs(interval.mean - truth) < 0.5 * truth * 4 / std::sqrt(200.0));
    CHECK(interval.clear_of_zero());
  }
}

TEST_CASE("a model of another run joins in; runs of another seed do not") {
  const test::TemporaryFolder folder;
  const Json more = {{"models", {{{"name", "B"}}}}, {"seed", 1}}, other = {{"seed", 2}};
  {
    RunDirectory a(folder.path() / "a", two_models), b(folder.path() / "b", more), c(folder.path() / "c", other);
    for (const char* model : {"S", "XL"}) add_gap_chunk(a, model, {1, 2}, {7}, {1, 2});
    add_gap_chunk(b, "B", {2, 3}, {7}, {5, 6});
    add_gap_chunk(c, "C", {1, 2}, {7}, {5, 6});
  }
  const Run a = record::read_run(folder.path() / "a"), b = record::read_run(folder.path() / "b"),
            c = record::read_run(folder.path() / "c");
  const LossGap gap = loss_gap(std::vector<Run>{b, a}).value();
  REQUIRE(gap.models.size() == 3);
  CHECK(gap.models[0].model == "B");
  CHECK(gap.models[2].model == "XL");
  CHECK(gap.images == 1);
  CHECK(gap.models[0].mse_gap[0].mean == 3);
  CHECK_THROWS_WITH(loss_gap(std::vector<Run>{a, c}), Catch::Contains("seed"));
}

TEST_CASE("a dynamic model is held against the dense model of its size, every other against the last") {
  const test::TemporaryFolder folder;
  const auto of = [](const char* name, const char* called, int width, bool dynamic) {
    Json configuration = {{"name", called}, {"hidden_size", width}};
    if (dynamic) configuration["dynamic"] = true;
    if (dynamic) configuration["first_unit_always_on"] = false;  // of the older dialect
    return Json{{"name", name}, {"configuration", configuration}};
  };
  const Json manifest = {{"models",
                          {of("S-0.5", "DyDiT-S/2", 384, true), of("S-dense", "DiT-S/2", 384, false),
                           of("XL-0.5", "DyDiT-XL/2", 1152, true), of("S-later", "DiT-S/2", 384, false),
                           of("B-dense", "DiT-B/2", 768, false)}},
                         {"seed", 1}};
  {
    RunDirectory run(folder.path() / "a", manifest);
    add_gap_chunk(run, "S-later", {1, 2}, {7, 100}, {3, 3, 3, 3});
    add_gap_chunk(run, "S-0.5", {1, 2}, {7, 100}, {5, 3, 6, 4});
    add_gap_chunk(run, "S-dense", {1, 2}, {7, 100}, {4, 2.5F, 4, 3.5F});
    add_gap_chunk(run, "XL-0.5", {1, 2}, {7, 100}, {2, 2, 2, 2});
    add_gap_chunk(run, "B-dense", {1, 2}, {7, 100}, {1, 1, 1, 1});
  }
  const LossGap gap = loss_gap(std::vector{record::read_run(folder.path() / "a")}).value();
  CHECK(gap.reference_of(gap.models[0]).model == "S-dense");  // the next of its size
  CHECK(gap.models[0].mse_gap[0].mean == Approx(1.5));
  CHECK(gap.models[0].mse_gap[1].mean == Approx(0.5));
  CHECK(gap.models[0].mean_gap.mean == Approx(1));
  CHECK(gap.models[0].mean_gap.low == Approx(0.75));  // image 1: (1 + 0.5) / 2
  CHECK(gap.models[0].mean_gap.high == Approx(1.25));
  CHECK(gap.models[0].mean_mse() == Approx(4.5));
  CHECK(gap.reference_of(gap.models[1]).model == "B-dense");
  CHECK(gap.reference_of(gap.models[2]).model == "B-dense");  // there is no dense XL
  CHECK((gap.models[0].dynamic && !gap.models[1].dynamic && gap.models[2].dynamic));
}

TEST_CASE("runs without the study have no gap; models without a common image cannot be compared") {
  const test::TemporaryFolder folder;
  {
    RunDirectory run(folder.path() / "a", two_models);
    add_gap_chunk(run, "S", {1}, {7}, {1});
    add_gap_chunk(run, "XL", {2}, {7}, {1});
    RunDirectory(folder.path() / "b", two_models).append({.cell = "c", .study = "train"});
  }
  CHECK_THROWS_AS(loss_gap(std::vector{record::read_run(folder.path() / "a")}), InputError);
  CHECK(!loss_gap(std::vector{record::read_run(folder.path() / "b")}));
}

TEST_CASE("tensors that do not fit are refused") {
  const test::TemporaryFolder folder;
  {
    RunDirectory run(folder.path() / "a", two_models);
    CHECK_NOTHROW(add_gap_chunk(run, "S", {1, 2}, {7}, {1, 2}));
    const std::vector<std::int64_t> wrong = {1, 2, 3};
    run.write_tensors("loss-gap-S-1", {{"index", checkpoint::Tensor::of<std::int64_t>(wrong, {3})},
                                       {"timestep", checkpoint::Tensor::of<std::int64_t>(wrong, {3})},
                                       {"mse", checkpoint::Tensor::of<std::int64_t>(wrong, {3})}});
  }
  CHECK_THROWS_WITH(loss_gap(std::vector{record::read_run(folder.path() / "a")}), Catch::Contains("'mse'"));
}

TEST_CASE("the paper's curve rises to its peak at t = 40 and falls") {
  CHECK(paper_peak == .051);
  CHECK(paper_loss_gap.front().gap == .030);
  for (std::size_t i = 1; i < paper_loss_gap.size(); ++i) {
    CHECK(paper_loss_gap[i].timestep > paper_loss_gap[i - 1].timestep);
    CHECK((paper_loss_gap[i].gap > paper_loss_gap[i - 1].gap) == (paper_loss_gap[i].timestep <= 40));
  }
  CHECK(paper_loss_gap.back().gap == .0008);
}
