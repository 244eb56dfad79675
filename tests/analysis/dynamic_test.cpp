// SPDX-License-Identifier: Apache-2.0
// What reports say of dynamic models: what is on, where they compute, where training toward a share ended.
#include <cmath>
#include <functional>

#include "../../analysis/sections.h"
#include "analysis/figures.h"
#include "analysis/report.h"
#include "analysis/tradeoffs.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_run.h"
#include "record/metric.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using Catch::Matchers::Contains;
using checkpoint::Tensor;
using record::Json;
using record::Record;

namespace {

const std::vector<std::int64_t> index{3, 8}, timesteps{900, 100, 500};  // not in order

Record record_of(const std::string& study, Json axes) {
  Record record{.cell = "", .study = study, .axes = std::move(axes)};
  record.cell = record::cell_hash(study, record.axes, {}, 0);
  return record;
}

void add(record::RunDirectory& run, const std::string& study, checkpoint::Tensors tensors) {
  Record record = record_of(study, {{"model", "half"}, {"first", 0}, {"count", 2}, {"draws", 1}, {"patch", 2}});
  record.tensors = {study};
  tensors["index"] = Tensor::of<std::int64_t>(index, {2});
  tensors["timestep"] = Tensor::of<std::int64_t>(timesteps, {3});
  run.write_tensors(study, tensors);
  run.append(record);
}

// Two blocks of four units: fewer on at larger timesteps; the second block has only the first unit.
void add_activation(record::RunDirectory& run, bool torn = false) {
  std::vector<float> widths, tokens, kept;
  for (const std::int64_t t : timesteps)
    for (int block = 0; block < 2; ++block)
      for (int unit = 0; unit < 4; ++unit) widths.push_back(unit == 0 || (block == 0 && t < 200 * (4 - unit)) ? 1 : 0);
  for (std::size_t image = 0; image < index.size(); ++image)
    for (const std::int64_t t : timesteps) {
      tokens.push_back(1 - static_cast<float>(t) / 1000);
      tokens.push_back(image == 0 ? 0.25F : 0.75F);
      kept.push_back(0.9F - static_cast<float>(t) / 2000 + 0.01F * static_cast<float>(image));
    }
  if (torn) tokens.resize(2 * 3), kept.resize(2 * 3);
  add(run, "activation",
      {{"heads", Tensor::of<float>(widths, {3, 2, 4})},
       {"channels", Tensor::of<float>(widths, {3, 2, 4})},
       {"tokens", Tensor::of<float>(tokens, {2, 3, torn ? 1 : 2})},
       {"kept", Tensor::of<float>(kept, {2, 3})}});
}

// A grid of 2 x 2 tokens of 2 x 2 pixels: token k has detail k; more blocks work where there is more, and the
// loss falls.
void add_compute(record::RunDirectory& run, bool every_token = false) {
  std::vector<float> image, compute, loss;
  for (std::size_t i = 0; i < index.size(); ++i) {
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 4; ++x) {
        const int token = y / 2 * 2 + x / 2;
        image.push_back((x + y) % 2 == 0 ? 0.2F * static_cast<float>(token) : -0.2F * static_cast<float>(token));
      }
    for (std::size_t k = 0; k < timesteps.size(); ++k)
      for (int token = 0; token < 4; ++token) {
        // All alike at t = 900, but for how their sums were rounded.
        compute.push_back(every_token ? 1 - 1e-7F * static_cast<float>(token)
                          : k == 0    ? 0.5F + 1e-7F * static_cast<float>(token)
                                      : 0.25F * static_cast<float>(token + 1));
        loss.push_back(1.0F / static_cast<float>(token + 1));
      }
  }
  add(run, "compute-map",
      {{"label", Tensor::of<std::int64_t>(std::vector<std::int64_t>{0, 1}, {2})},
       {"image", Tensor::of<float>(image, {2, 1, 4, 4})},
       {"compute", Tensor::of<float>(compute, {2, 3, 2, 2})},
       {"loss", Tensor::of<float>(loss, {2, 3, 2, 2})}});
}

void add_training(record::RunDirectory& run, const std::string& model, const Json& axes, double realised) {
  for (const std::int64_t step : {100, 200}) {
    Json all = {{"model", model}, {"step", step}};
    all.update(axes);
    Record record = record_of("train", all);
    record.metrics["train_mse"] = {0.033, ""};
    record.metrics["held_out_mse"] = {0.032 - 1e-5 * static_cast<double>(step), ""};
    record.metrics["lambda_target"] = {0.5, ""};
    record.metrics["lambda_realised"] = {realised, ""};
    for (const char* unit : {"heads_on", "channel_groups_on", "tokens_on"}) record.metrics[unit] = {realised, ""};
    record.metrics["held_out_complete_mse"] = {0.035, ""};
    run.append(record);
  }
}

std::vector<record::Run> run_of(const std::filesystem::path& path,
                                const std::function<void(record::RunDirectory&)>& fill,
                                const Json& models = Json::array()) {
  {
    record::RunDirectory run(path, {{"identity", "test"}, {"profile", {{"name", "dynamic"}}}, {"models", models}});
    fill(run);
  }
  return {record::read_run(path)};
}

}  // namespace

TEST_CASE("the rank correlation of lists") {
  const auto of = [](std::vector<double> a, std::vector<double> b) { return rank_correlation(a, b); };
  CHECK(of({1, 2, 3, 4}, {10, 20, 30, 400}) == Approx(1));
  CHECK(of({1, 2, 3, 4}, {4, 3, 2, -1}) == Approx(-1));
  CHECK(of({1, 2, 2, 3}, {1, 3, 2, 4}) == Approx(4.5 / std::sqrt(4.5 * 5)));  // ties share rank 1.5
  CHECK(of({1, 1, 1}, {1, 2, 3}) == 0);
  CHECK(std::isnan(of({1, std::nan("")}, {1, 2})));
  CHECK_THROWS_AS(of({1, 2}, {1}), InputError);
}

TEST_CASE("what is on is told by block and in total, in the order of the timesteps") {
  const test::TemporaryFolder folder;
  const auto a = activations(run_of(folder.path() / "a", [](auto& run) { add_activation(run); })).at(0);
  CHECK((a.model == "half" && a.images == 2 && a.depth == 2));
  CHECK(a.timesteps == std::vector<double>{100, 500, 900});
  REQUIRE(a.units.size() == 3);
  const UnitShares &heads = a.units[0], &groups = a.units[1], &tokens = a.units[2];
  CHECK((heads.axis.label == "heads" && groups.axis.label == "channel groups" && tokens.axis.label == "tokens"));
  CHECK(heads.shares(0, 0) == 1);
  CHECK(heads.shares(1, 0) == 0.5);
  CHECK(heads.shares(2, 0) == 0.25);
  CHECK(groups.shares(2, 1) == 0.25);
  CHECK(tokens.shares(0, 0) == Approx(0.9));
  CHECK(tokens.shares(0, 1) == Approx(0.5));
  CHECK(tokens.on[2].mean == Approx((0.1 + 0.5) / 2));
  CHECK(to_csv(a).starts_with(
      "place,timestep,block,heads,groups,tokens,tokens_low,tokens_high,kept,kept_low,kept_high\n"));
  CHECK(a.kept[0].mean == Approx(0.855));
  CHECK(a.kept_near_noise.mean == Approx(-0.3));  // t = 900 against the mean of 100 and 500
  CHECK_THAT(to_csv(a), Contains("\n1,500,0,0.5,0.5,0.5,NaN") &&
                            Contains("\n2,900,-1,0.25,0.25,0.30000001,0.17500001,0.42500001,0.45"));
  CHECK_THROWS_AS(activations(run_of(folder.path() / "torn", [](auto& run) { add_activation(run, true); })),
                  InputError);
}

TEST_CASE("where a model computes is set against loss and detail") {
  const test::TemporaryFolder folder;
  const auto map = compute_maps(run_of(folder.path() / "a", [](auto& run) { add_compute(run); })).at(0);
  CHECK(map.timesteps == std::vector<double>{100, 500, 900});
  CHECK(map.compute[2].mean == Approx(0.5));
  CHECK(map.compute[1].mean == Approx(0.625));
  CHECK(map.with_detail[2].mean == 0);  // all tokens alike
  CHECK(map.with_detail[1].mean == Approx(1));
  CHECK(map.with_loss[1].mean == Approx(-1));
  CHECK(map.mean_with_detail.mean == Approx(2.0 / 3));
  const auto grid = map_grids(run_of(folder.path() / "b", [](auto& run) { add_compute(run); }), Mapped::compute).at(0);
  CHECK((grid.height == 4 && grid.width == 4 && grid.token == 2));
  CHECK(grid.rows.at(0).maps.at(1) == std::vector{0.25F, 0.5F, 0.75F, 1.0F});
  const Figure figure = compute_map_figure(grid);  // a token's share stands at its first pixel
  CHECK_THAT(figure.csv,
             Catch::Matchers::StartsWith("index,y,x,red,green,blue,compute_t100,compute_t500,compute_t900\n") &&
                 Contains("\n3,0,0,128,128,128,0.25,0.25,0.5\n3,0,1,128,128,128,,,\n"));
}

namespace {

// Losses of "half" and "pruned" beside a dense model of their size.
void add_losses(record::RunDirectory& run) {
  const std::vector<std::int64_t> images{1, 2}, at{7, 100};
  test::add_gap_chunk(run, "half", images, at, {2.25F, 1.25F, 2.25F, 1.5F});
  test::add_gap_chunk(run, "pruned", images, at, {2.5F, 1.5F, 2.5F, 1.5F});
  test::add_gap_chunk(run, "dense", images, at, {2, 1, 2, 1});
}

Json models() {
  const Json dense = {{"hidden_size", 8}}, dynamic = {{"hidden_size", 8}, {"dynamic", true}};
  return {{{"name", "half"}, {"configuration", dynamic}},
          {{"name", "pruned"}, {"configuration", dynamic}},
          {{"name", "dense"}, {"configuration", dense}}};
}

void add_speed(record::RunDirectory& run, const char* engine, const char* which, double ms, double rho) {
  Record record = record_of("speed", {{"model", "half"},
                                      {"engine", engine},
                                      {"which", which},
                                      {"keep", 1.0},
                                      {"batch", 4},
                                      {"dtype", "float32"},
                                      {"device", "cpu"},
                                      {"threads", 2}});
  const auto put = [&](const char* metric, double value) { record.metrics[metric] = record::measured(metric, value); };
  put("time", ms), put("speedup", 8 / ms), put("realisation", 8 / ms * rho), put("theoretical_speedup", 1 / rho);
  for (const char* metric : {"gmacs", "lambda_realised"}) put(metric, rho);
  for (const char* metric : {"activation_memory", "weight_memory"}) put(metric, 1);
  run.append(record);
}

const Json by_routers = {{"decide", "routers"}, {"skip", "both"}, {"order", "none"}};
const Json by_taylor = {{"decide", "static"}, {"skip", "widths"}, {"order", "taylor"}};

}  // namespace

TEST_CASE("what a model costs in loss and saves in time stands in one row") {
  const test::TemporaryFolder folder;
  const auto runs = run_of(
      folder.path() / "run",
      [](auto& run) {
        add_losses(run);
        add_training(run, "half", by_routers, 0.505);
        add_training(run, "pruned", by_taylor, 0.5);
        add_training(run, "alone", by_routers, 0.3);
        add_speed(run, "dense", "all", 8, 1);
        add_speed(run, "compact", "own", 5, 0.5);
      },
      models());
  const auto all = tradeoffs(loss_gap(runs), learning_curves(runs), speed_studies(runs));
  REQUIRE(all.size() == 3);  // "alone" was trained, but neither its loss nor its time was measured
  const Tradeoff &half = all[0], &pruned = all[1], &dense = all[2];
  CHECK((half.model == "half" && half.reference == "dense" && half.how() == "widths and tokens"));
  CHECK(half.loss_percent.value().mean == Approx(100 * 0.3125 / 1.5));
  CHECK(half.loss_percent.value().low == Approx(100 * 0.25 / 1.5));
  CHECK(half.loss_percent.value().high == Approx(100 * 0.375 / 1.5));
  CHECK((half.lambda == 0.505 && half.cells.at(0).time.mean == 5));
  CHECK((pruned.how() == "static widths (taylor)" && pruned.cells.empty()));
  CHECK((dense.how() == "dense" && !dense.loss_percent && dense.cells.at(0).time.mean == 8));
  CHECK(shown_tradeoff(all) == &half);  // about as near to one half as the static one, and with routers
  CHECK(about_as_large(all, half).size() == 2);
  const std::string csv = to_csv(all);
  CHECK_THAT(csv,
             Contains("\n0.505,20.833333,16.666667,25,NaN,NaN,NaN,half,widths and tokens\n1,0,0,0,NaN,NaN,NaN,dense,"));
  CHECK_THAT(csv, Contains("\n0.5,33.333333,") && !Contains("alone"));
  // Paired over the images: 1/4 and 1/8 more than "half".
  CHECK(!half.over_both_percent);
  CHECK(pruned.over_both_percent.value().mean == Approx(100 * 0.1875 / 1.5));
  CHECK(pruned.over_both_percent.value().low == Approx(100 * 0.125 / 1.5));
  CHECK(pruned.over_both_percent.value().high == Approx(100 * 0.25 / 1.5));
  CHECK_THAT(csv, Contains(",12.5,8.3333333,16.666667,pruned,"));
  CHECK(tradeoffs(loss_gap(runs), {}, {}).at(0).how() == "dynamic");
  CHECK(tradeoffs(std::nullopt, {}, {}).empty());
  CHECK(tradeoffs(std::nullopt, learning_curves(runs), {}).empty());
  CHECK(shown_tradeoff({}) == nullptr);
}

TEST_CASE("without a dense model the last one is what others are held against") {
  const test::TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run",
                           [](auto& run) {
                             test::add_gap_chunk(run, "pruned", {1, 2}, {7}, {2.5F, 2});
                             test::add_gap_chunk(run, "half", {1, 2}, {7}, {2, 2});
                             add_training(run, "half", by_routers, 0.5);
                             add_training(run, "pruned", by_taylor, 0.5);
                           },
                           {models()[1], models()[0]});
  const auto all = tradeoffs(loss_gap(runs), learning_curves(runs), {});
  CHECK((all.at(0).over_both_percent.value().mean == Approx(12.5) && !all.at(1).over_both_percent));
}

TEST_CASE("a report of dynamic models has their figures, table and answers") {
  const test::TemporaryFolder folder;
  const auto runs = run_of(
      folder.path() / "run",
      [](auto& run) {
        add_activation(run);
        add_compute(run);
        add_losses(run);
        add_training(run, "half", by_routers, 0.505);
        add_training(run, "pruned", by_taylor, 0.5);
        add_training(run, "history", by_taylor, 0.7);
        add_speed(run, "dense", "all", 8, 1);
        add_speed(run, "compact", "own", 5, 0.5);
      },
      models());
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  for (const char* figure :
       {"activation-half", "compute-map-half", "compute-curves", "lambda-curves", "loss-over-share"})
    CHECK(std::filesystem::file_size(folder.path() / "out" / "figures" / (std::string(figure) + ".png")) > 1000);
  CHECK_THAT(page, Contains("lower than at the other half by <b>30") &&
                       Contains("half keeps 0.855 of the MACs of its blocks at t&nbsp;=&nbsp;100"));
  CHECK_THAT(page, Contains("the detail of the image there by <b>0.667</b> (half).") &&
                       Contains("half: with the detail from <b>1</b> (t&nbsp;=&nbsp;500) down to <b>0</b> "
                                "(t&nbsp;=&nbsp;900), clearly positive at 2 and negative at 0 of 3 timesteps"));
  CHECK_THAT(page, Contains("<td>static widths (taylor)</td><td>0.500</td>"));
  CHECK_THAT(page, Contains("above that of the dense model by <b>20.8 ± 4.2</b>&nbsp;% (half) to <b>33") &&
                       Contains("of the theoretical speedup, as trained routers decide; it is <b>"));
  CHECK_THAT(page, Contains("1 more model of the training history was not run here."));
  CHECK_THAT(page, Contains("<td>16.9</td>"));  // the paper's, beside the model trained as it was
  CHECK_THAT(page, Contains("their own; float32, cpu, batch 4."));
  CHECK(lambda_figure(learning_curves(runs)).csv.find("pruned") == std::string::npos);
}

TEST_CASE("a map of a model that computes every token is a sentence") {
  const test::TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run", [](auto& run) { add_compute(run, true); });
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("half computes every token in every block"));
  CHECK(!std::filesystem::exists(folder.path() / "out" / "figures" / "compute-map-half.svg"));
  CHECK_THAT(page, Contains("<strong>cannot tell</strong>"));
}

TEST_CASE("a report tells first of the model that keeps about a half") {
  Findings findings{
      .runs = {}, .process = diffusion, .options = {}, .gap = {}, .curves = {}, .speed = {}, .tradeoffs = {}};
  std::vector<Activation> activations;
  for (const auto& [model, lambda] : {std::pair{"most", 0.9}, std::pair{"half", 0.52}, std::pair{"least", 0.3}}) {
    Tradeoff& tradeoff = findings.tradeoffs.emplace_back();
    tradeoff.model = model;
    tradeoff.lambda = lambda;
    tradeoff.loss_percent = Interval{1, 0.5, 1.5};
    activations.emplace_back().model = model;
  }
  const auto order = shown_first(findings, activations);
  CHECK((order.at(0)->model == "half" && order.at(1)->model == "most" && order.at(2)->model == "least"));
  findings.tradeoffs.clear();
  CHECK(shown_first(findings, activations).at(0)->model == "most");
}
