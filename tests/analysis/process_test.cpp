// SPDX-License-Identifier: Apache-2.0
// Runs of other processes than the diffusion, alone and beside it; and sections from elsewhere.
#include <cmath>
#include <regex>
#include <set>

#include "analysis/common_axis.h"
#include "analysis/figures.h"
#include "analysis/report.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using Catch::Matchers::Contains;
using checkpoint::Tensor;
using record::Json;
using record::Record;

namespace {

const Json flow = {{"name", "flow"}, {"path", "linear"}, {"prediction", "velocity"}, {"loss_weight", "none"}};
const std::vector<double> flow_times{0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95};

struct Told {
  bool log_snr = true, doubles = true;
  double peak = 0;      // of the gap, in log signal-to-noise
  double height = 0.2;  // share of the reference's loss there
  double noise = 0.02;  // of the images
};

// The log signal-to-noise that makes these times: a flow whose noise is 1 - t.
double log_snr(double t) { return 2 * std::log(t / (1 - t)); }

// Losses of 1 of "large" for 30 images; "small" and the dynamic "half" lose more around the peak.
void fill(record::RunDirectory& run, const std::vector<double>& times, const Told& told) {
  std::vector<std::int64_t> index(30), whole;
  for (std::size_t i = 0; i < index.size(); ++i) index[i] = static_cast<std::int64_t>(i);
  std::vector<double> places, factors;
  const bool diffusion_times = times.front() >= 1;
  for (const double t : times) {
    places.push_back(log_snr(diffusion_times ? 1 - t / 1000 : t));
    factors.push_back(0.5);
    whole.push_back(static_cast<std::int64_t>(t));
  }
  const auto n = std::ssize(index), k = std::ssize(times);
  for (const auto& [model, share] : {std::pair{"small", 1.0}, std::pair{"half", 0.5}, std::pair{"large", 0.0}}) {
    std::vector<float> mse;
    for (std::size_t i = 0; i < index.size(); ++i)
      for (const double place : places)
        mse.push_back(static_cast<float>(1 + share * (told.height + told.noise * (static_cast<double>(i % 5) - 2)) *
                                                 std::exp(-std::pow((place - told.peak) / 2, 2))));
    Record record{.cell = model, .study = "loss-gap", .axes = {{"model", model}}};
    record.tensors = {std::string("loss-gap-") + model};
    checkpoint::Tensors tensors{
        {"index", Tensor::of<std::int64_t>(index, {n})},
        {"timestep", told.doubles ? Tensor::of<double>(times, {k}) : Tensor::of<std::int64_t>(whole, {k})},
        {"mse", Tensor::of<float>(mse, {n, k})}};
    if (told.log_snr) {
      tensors["log_snr"] = Tensor::of<double>(places, {k});
      tensors["epsilon_factor"] = Tensor::of<double>(factors, {k});
    }
    run.write_tensors(record.tensors.front(), tensors);
    run.append(record);
  }
}

record::Run run_of(const std::filesystem::path& path, const Json& process, const Told& told = {}) {
  Json manifest = {{"models",
                    {{{"name", "small"}, {"configuration", {{"depth", 2}}}},
                     {{"name", "half"}, {"configuration", {{"depth", 3}, {"dynamic", true}}}},
                     {{"name", "large"}, {"configuration", {{"depth", 3}}}}}},
                   {"seed", 1},
                   {"profile", {{"note", "One note."}}}};
  if (!process.is_null()) manifest["process"] = process;
  record::RunDirectory run(path, manifest);
  std::vector<double> times = flow_times;
  if (!told.doubles)
    for (double& t : times) t = std::round(1000 * (1 - t));
  fill(run, times, told);
  return record::read_run(path);
}

std::vector<std::string> ids_of(const std::string& page) {
  const std::regex regex("<section id=\"([^\"]*)\"");
  std::vector<std::string> ids;
  for (std::sregex_iterator i(page.begin(), page.end(), regex), end; i != end; ++i) ids.push_back((*i)[1]);
  return ids;
}

std::vector<CommonCurve> curves_of(const std::string& name, const record::Run& run) {
  return common_curves(name, loss_gap(std::vector{run}).value());
}

}  // namespace

TEST_CASE("a flow has its own times, words and axis, noise at its beginning, and no published curve") {
  const test::TemporaryFolder folder;
  const std::vector runs{run_of(folder.path() / "run", flow, {.peak = 1})};
  const LossGap gap = loss_gap(runs).value();
  CHECK(gap.timesteps == flow_times);
  CHECK(gap.models[0].vb.empty());
  CHECK_THAT(to_csv(gap), Contains("\n0.35,30,") && Contains(",NaN,NaN,NaN,half\n"));
  CHECK(gap.reference_of(gap.models[1]).model == "large");
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("at t&nbsp;=&nbsp;0.65 and <b>") && Contains("at t&nbsp;=&nbsp;0.05."));
  CHECK_THAT(page, Contains("<li class=\"yes\"><a href=\"#loss-gap\"><span class=\"question\">Does skipping "
                            "work cost less near noise?"));
  CHECK_THAT(page, Contains("large<br>velocity MSE") && Contains("Squared velocity error, mean over channels") &&
                       !Contains("ε") && !Contains("VLB"));
  const std::string plot = read_file(folder.path() / "out" / "figures" / "loss-gap.gp");
  CHECK_THAT(plot, Contains("set xrange [0:1]\n") && Contains("set xlabel 'time t (1 is data)'") &&
                       Contains("'loss (velocity MSE)'"));
  LossGap sizes = gap;
  std::erase_if(sizes.models, [](const ModelLoss& model) { return model.dynamic; });
  for (ModelLoss& model : sizes.models) model.reference = 1;
  CHECK(loss_gap_figure(sizes, processes[1]).plot.find("paper") == std::string::npos);
  CHECK(loss_gap_figure(sizes).plot.find("paper") != std::string::npos);
}

TEST_CASE("a flow's error is of what it predicts") {
  const test::TemporaryFolder folder;
  for (const auto& [prediction, error] :
       {std::pair{"noise", "noise"}, std::pair{"score", "noise"}, std::pair{"velocity", "velocity"}}) {
    Json process = flow;
    process["prediction"] = prediction;
    const std::vector runs{run_of(folder.path() / prediction, process)};
    CHECK_THAT(read_file(write_report(runs, folder.path() / "out")),
               Contains(std::string("Squared ") + error + " error, mean over channels"));
  }
  Json process = flow;
  process["prediction"] = "image";
  CHECK_THROWS_WITH(write_report(std::vector{run_of(folder.path() / "x", process)}, folder.path() / "out"),
                    Contains("predicts 'image'"));
}

TEST_CASE("times are finite, and what belongs to them has their number") {
  const test::TemporaryFolder folder;
  const auto with = [&](const char* name, const char* tensor, std::vector<double> values) {
    {
      record::RunDirectory run(folder.path() / name, {{"process", flow}});
      const std::vector<std::int64_t> index{1};
      const std::vector<float> mse{1, 2};
      checkpoint::Tensors tensors{{"index", Tensor::of<std::int64_t>(index, {1})},
                                  {"mse", Tensor::of<float>(mse, {1, 2})}};
      tensors["timestep"] = Tensor::of<double>(std::vector<double>{0.1, 0.2}, {2});
      tensors[tensor] = Tensor::of<double>(values, {std::ssize(values)});
      Record record{.cell = "c", .study = "loss-gap", .axes = {{"model", "a"}}};
      record.tensors = {"t"};
      run.write_tensors("t", tensors);
      run.append(record);
    }
    return std::vector{record::read_run(folder.path() / name)};
  };
  CHECK_THROWS_WITH(loss_gap(with("a", "timestep", {0.1, std::nan("")})), Contains("not finite"));
  CHECK_THROWS_WITH(loss_gap(with("b", "log_snr", {0.1})), Contains("'log_snr'"));
  CHECK(loss_gap(with("c", "log_snr", {0.1, HUGE_VAL})).value().log_snr.size() == 2);
}

TEST_CASE("gaps of a process are curves over the log of signal-to-noise") {
  const test::TemporaryFolder folder;
  const auto curves = curves_of("Diffusion", run_of(folder.path() / "a", Json(), {.doubles = false}));
  REQUIRE(curves.size() == 2);
  CHECK((curves[0].model == "small" && !curves[0].dynamic && curves[1].model == "half" && curves[1].dynamic &&
         curves[1].reference == "large"));
  CHECK(curves[0].log_snr.front() == Approx(log_snr(0.05)));
  CHECK(std::is_sorted(curves[0].log_snr.begin(), curves[0].log_snr.end()));
  CHECK(curves[0].percent[3].mean == Approx(20));  // t = 500, where signal and noise are alike
  CHECK(curves[0].noise[3].mean == Approx(0.1));
}

TEST_CASE("two processes are compared under equal noise, place by place") {
  const auto curve = [](std::vector<double> places, std::vector<double> percents) {
    CommonCurve one;
    one.log_snr = std::move(places);
    for (const double percent : percents) one.percent.push_back({percent, percent - 1, percent + 1});
    return one;
  };
  const auto of = [](const CommonCurve& one, const CommonCurve& other) {
    const Difference found = difference(one, other);
    return std::vector{found.larger, found.smaller, found.places};
  };
  const CommonCurve one = curve({-4, -2, 0, 2, 4}, {10, 10, 10, 10, 10});
  CHECK(of(one, curve({-4, -2, 0, 2, 4}, {5, 10, 20, 20, 20})) == std::vector<std::size_t>{3, 1, 5});
  CHECK(of(one, curve({-3, 3}, {0, 24})) == std::vector<std::size_t>{1, 1, 3});  // 4, 12 (not clear) and 20
  CHECK(of(one, curve({5, 6}, {0, 0})) == std::vector<std::size_t>{0, 0, 0});
  CHECK(of(one, curve({0}, {20})) == std::vector<std::size_t>{1, 0, 1});
  CHECK(of(one, curve({0, 1}, {missing, 20})) == std::vector<std::size_t>{0, 0, 1});
  CHECK(of(curve({}, {}), one) == std::vector<std::size_t>{0, 0, 0});
}

TEST_CASE("models of one name are held against each other in two processes, where intervals decide") {
  const test::TemporaryFolder folder;
  const auto page_with = [&](const Told& told) {
    const std::vector runs{run_of(folder.path() / "a", Json(), {.doubles = false}),
                           run_of(folder.path() / "b", flow, told)};
    const std::string page = read_file(write_report(runs, folder.path() / "out"));
    std::filesystem::remove_all(folder.path() / "a");
    std::filesystem::remove_all(folder.path() / "b");
    return page;
  };
  const std::string question =
      "\"><a href=\"#common-axis\"><span class=\"question\">Does a smaller model cost more in Flow matching than in "
      "Diffusion?";
  CHECK_THAT(page_with({.height = 0.4}),
             Contains("<li class=\"yes" + question) && Contains("clearly more in Flow matching at 7 of 7 times"));
  CHECK_THAT(page_with({.height = 0.1}),
             Contains("<li class=\"no" + question) && Contains("at 0 of 7 times") && Contains("clearly less at 7."));
  CHECK_THAT(page_with({}), Contains("<li class=\"cannot-tell" + question) && Contains("clearly less at 0."));
  CHECK_THAT(page_with({.peak = 3}), Contains("<li class=\"in-part" + question));
  CHECK_THAT(page_with({.log_snr = false}), !Contains(question) && Contains("each in the mean of its own error"));
}

TEST_CASE("a report of two processes has the sections of each, and first what they have in common") {
  const test::TemporaryFolder folder;
  const std::vector runs{run_of(folder.path() / "a", Json(), {.doubles = false}),
                         run_of(folder.path() / "b", flow, {.height = 0.4})};
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK(ids_of(page) == std::vector<std::string>{"common-axis", "cost-diffusion", "cost-flow", "loss-gap-diffusion",
                                                 "loss-gap-flow", "notes", "provenance"});
  CHECK_THAT(page, Contains("<h2>Diffusion: At which timesteps") && Contains("<h2>Flow matching: At which timesteps") &&
                       Contains("<span class=\"question\">Flow matching: Does skipping work cost less near noise?"));
  CHECK_THAT(page, Contains("<th scope=\"row\">small</th><td>Diffusion</td><td>large</td>") &&
                       Contains("<th scope=\"row\">small</th><td>Flow matching</td><td>large</td>"));
  for (const char* figure : {"common-axis", "common-axis-noise", "loss-gap-diffusion", "loss-gap-flow"})
    CHECK(std::filesystem::file_size(folder.path() / "out" / "figures" / (std::string(figure) + ".png")) > 1000);
  CHECK_THAT(read_file(folder.path() / "out" / "figures" / "common-axis.csv"),
             Contains(",small,large,Diffusion\n") && Contains(",half,large,Flow matching\n"));

  // Runs of one process are joined, whether their manifests say it or not; those of another schedule are not.
  const Json linear = {{"noise_schedule", "linear"}, {"name", "diffusion"}},
             cosine = {{"name", "diffusion"}, {"noise_schedule", "cosine"}};
  const auto said = run_of(folder.path() / "linear", linear, {.log_snr = false, .doubles = false}),
             other = run_of(folder.path() / "cosine", cosine, {.log_snr = false, .doubles = false});
  const auto page_of = [&](const std::vector<record::Run>& some) {
    return read_file(write_report(some, folder.path() / "more"));
  };
  CHECK(ids_of(page_of({runs[0], said})) == std::vector<std::string>{"cost", "loss-gap", "notes", "provenance"});
  const std::string schedules = page_of({runs[0], other});
  CHECK_THAT(schedules, Contains("<h2>Diffusion (noise_schedule linear): ") &&
                            Contains("Diffusion (noise_schedule cosine): left out, for want"));
}

TEST_CASE("sections from elsewhere stand above the provenance") {
  const test::TemporaryFolder folder;
  const std::vector runs{run_of(folder.path() / "a", Json(), {.doubles = false})};
  const auto add = [](std::span<const record::Run> all, const Show& show) -> std::optional<Section> {
    if (all.size() != 1) return std::nullopt;
    const Figure line = {"line", "A line.", 300, 200, "x,y\n1,2\n2,3\n", "", "plot data skip 1 using 1:2 with lines"};
    return Section{.id = "mine", .title = "Mine", .shown = show(line, "A line of my own.")};
  };
  ReportOptions options;
  options.further = {add, [](auto, const auto&) { return std::optional<Section>(); }};
  const std::string page = read_file(write_report(runs, folder.path() / "out", options));
  CHECK(ids_of(page) == std::vector<std::string>{"cost", "loss-gap", "mine", "notes", "provenance"});
  CHECK_THAT(page, Contains("A line of my own."));
  CHECK(std::filesystem::exists(folder.path() / "out" / "figures" / "line.svg"));
}
