// SPDX-License-Identifier: Apache-2.0
// What manifests say: engines, axes and units that nobody here knew of before.
#include "analysis/manifest.h"

#include <set>

#include "analysis/activation.h"
#include "analysis/figures.h"
#include "analysis/learning_curves.h"
#include "analysis/report.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_run.h"
#include "made_up_speed.h"
#include "record/metric.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using Catch::Matchers::Contains;
using checkpoint::Tensor;
using record::Json;
using record::Record;

namespace {

const Json flat = {{"engines", {{{"name", "flat"}, {"executes", "kept"}}}}};

std::set<std::string> figures_in(const std::filesystem::path& out) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out / "figures"))
    if (entry.path().extension() == ".gp") names.insert(entry.path().stem());
  return names;
}

std::vector<Record> both_engines() {
  auto records = sweep({"dense", "masked", "compact", "flat"}, {"tokens", "both"});
  for (Record& record : records)
    if (record.axes["engine"] == "flat" && record.axes["which"] != "all") set(record, "realisation", 0.6, 0.01);
  return records;
}

}  // namespace

TEST_CASE("two engines that skip what is off are told apart wherever they stand") {
  const TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run", both_engines(), flat);
  const SpeedStudy study = speed_studies(runs).at(0);
  CHECK(study.engines(Executes::kept) == std::vector<std::string>{"compact", "flat"});
  CHECK(shown_waterfalls(study).size() == 2 * 2);
  const std::string plot = speedup_figures(study, "s").at(0).plot;
  CHECK_THAT(plot, Contains("keyentry with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.80 "
                            "title 'compact, batch 8'") &&
                       Contains("dashtype (10,3,2,3) pointtype 5 pointsize 0.80 title 'flat, batch 8'") &&
                       Contains("dashtype (4,3) pointtype 6 pointsize 0.80 title 'masked, batch 8'"));
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK(figures_in(folder.path() / "out") ==
        std::set<std::string>{"speedup-DyDiT-S--2", "waterfall-DyDiT-S--2-compact", "waterfall-DyDiT-S--2-flat"});
  CHECK_THAT(read_file(folder.path() / "out" / "figures" / "waterfall-DyDiT-S--2-flat.gp"),
             Contains("2 threads, flat: what takes the time") && Contains("'flat path'"));
  CHECK_THAT(page,
             Contains("The engines compact and flat reach <b>0.600 ± 0.010</b> (DyDiT-S/2, flat, both, batch 8) to "
                      "<b>0.960 ± 0.010</b> (DyDiT-S/2, compact, both, batch 8) of the theoretical speedup"));
  CHECK_THAT(page, Contains("With 0.5 kept, the compact engine reaches <b>0.960") &&
                       Contains("With everything on the compact engine takes") &&
                       Contains("With 0.5 kept, the flat engine reaches <b>0.600"));
  CHECK_THAT(page, Contains("<th scope=\"row\">8</th><td>compact, both</td><td>0.5</td>") &&
                       Contains("<th scope=\"row\">8</th><td>flat, both</td><td>0.5</td>") &&
                       Contains("<th scope=\"row\">8</th><td>dense</td>"));
  CHECK_THAT(page, Contains("<td>flat, both</td><td>0.5</td><td>400</td>") &&
                       Contains("2 threads, compact, tokens, batch 8)"));
}

TEST_CASE("a trade-off has the time of each engine that skips") {
  const TemporaryFolder folder;
  std::vector<Record> records;
  for (const char* engine : {"dense", "compact", "flat"}) {
    const std::string which = std::string(engine) == "dense" ? "all" : "own";
    records.push_back(measured({engine, which, engine == std::string("flat") ? 0.4 : 0.5, 8, "half"}));
    if (records.size() == 3) set(records.back(), "realisation", 0.7, 0.01);
  }
  const auto runs = run_of(folder.path() / "run", records, flat);
  const auto all = tradeoffs(std::nullopt, {}, speed_studies(runs));
  REQUIRE((all.size() == 1 && all[0].cells.size() == 2));
  CHECK((all[0].cells[0].engine.name == "compact" && all[0].cells[1].engine.name == "flat"));
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("<th scope=\"col\">engine</th><th scope=\"col\">GMACs</th>") &&
                       Contains("<td>compact, batch 8</td><td>3</td>") &&
                       Contains("<td>flat, batch 8</td><td>2.40</td>") && Contains("of the engine named in the row"));
  CHECK_THAT(page,
             Contains("(half, compact)") && Contains("(half, flat)") && Contains("<th scope=\"row\">half, flat</th>"));
}

TEST_CASE("an axis that nothing knows makes a study of its own, with figures of its own") {
  const TemporaryFolder folder;
  std::vector<Record> records;
  int number = 0;
  for (const Json& guidance : {Json(4), Json(1.5), Json("1.5"), Json()})
    for (Record record : sweep({"dense", "compact"}, {"both"})) {
      if (!guidance.is_null()) record.axes["guidance"] = guidance;
      record.cell += std::to_string(number++);
      records.push_back(record);
    }
  const auto runs = run_of(folder.path() / "run", records);
  std::vector<std::string> titles;
  for (const SpeedStudy& study : speed_studies(runs)) {
    titles.push_back(study.title());
    CHECK(study.cells.size() == 2 * (1 + 1 + 3));
  }
  const std::string plain = "DyDiT-S/2, float32, cpu, 2 threads";
  CHECK(titles ==
        std::vector<std::string>{plain, plain + ", guidance 1.5", plain + ", guidance 4", plain + ", guidance 1.5"});
  write_report(runs, folder.path() / "out");
  CHECK(figures_in(folder.path() / "out").size() == 2 * 4);
}

TEST_CASE("a way of skipping that nothing knows is its own label, below the others") {
  const TemporaryFolder folder;
  const auto runs =
      run_of(folder.path() / "run", sweep({"dense", "compact"}, {"layers & 'more'", "both", "tokens", "widths"}));
  const SpeedStudy study = speed_studies(runs).at(0);
  CHECK(study.cells.back().which == "layers & 'more'");
  const auto figures = speedup_figures(study, "speedup-x");
  REQUIRE(figures.size() == 2);
  CHECK((figures[0].name == "speedup-x" && figures[1].name == "speedup-x-2"));
  CHECK_THAT(figures[1].plot, Contains("set label 'layers & ''more''' at graph"));
  CHECK(waterfall_figures(study, "w").size() == 2);
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("<td>layers &amp; &#39;more&#39;</td><td>0.5</td>") && !Contains("& 'more'<"));
}

namespace {

const Json experts = {{{"name", "small"},
                       {"summary", "depth 3, of experts"},
                       {"units",
                        {{{"name", "heads"}, {"label", "heads"}, {"layers", 3}, {"units", 2}, {"scope", "timestep"}},
                         {{"name", "experts"}, {"label", "experts & more"}, {"layers", 1}, {"scope", "token"}}}}}};

void add(record::RunDirectory& run, const std::string& study, checkpoint::Tensors tensors) {
  Record record{.cell = study, .study = study, .axes = {{"model", "small"}}};
  record.tensors = {study};
  const std::vector<std::int64_t> index{4, 5};
  const std::vector<double> times{0, 0.25, 0.5};
  tensors["index"] = Tensor::of<std::int64_t>(index, {2});
  tensors["timestep"] = Tensor::of<double>(times, {3});
  run.write_tensors(study, tensors);
  run.append(record);
}

}  // namespace

TEST_CASE("units are those of the manifest: a panel, a line and a column for each") {
  const TemporaryFolder folder;
  {
    record::RunDirectory run(folder.path() / "run", {{"models", experts}, {"process", {{"name", "flow"}}}});
    const std::vector<float> heads(3 * 3 * 2, 1), on{0.1F, 0.2F, 0.3F, 0.3F, 0.4F, 0.5F},
        kept{0.5F, 0.6F, 0.8F, 0.5F, 0.6F, 0.8F};
    add(run, "activation",
        {{"heads", Tensor::of<float>(heads, {3, 3, 2})},
         {"experts", Tensor::of<float>(on, {2, 3, 1})},
         {"kept", Tensor::of<float>(kept, {2, 3})}});
    Record record{.cell = "t",
                  .study = "train",
                  .axes = {{"model", "small"}, {"step", 9}, {"decide", "routers"}, {"skip", "both"}}};
    for (const char* name : {"held_out_mse", "held_out_complete_mse", "lambda_target", "lambda_realised"})
      record.metrics[name] = record::measured(name, 0.5);
    record.metrics["units_on.experts"] = record::measured("units_on.experts", 0.25);
    run.append(record);
  }
  const auto runs = std::vector{record::read_run(folder.path() / "run")};
  const Activation a = activations(runs).at(0);
  REQUIRE((a.units.size() == 2 && a.depth == 3));
  CHECK(a.units[1].shares(2, 0) == Approx(0.4));
  // Noise is at t = 0: one time of three there, the others at 0.25 and 0.5.
  CHECK(a.kept_near_noise.mean == Approx(0.5 - 0.7));
  const std::string csv = to_csv(a);
  CHECK_THAT(csv, Catch::Matchers::StartsWith(
                      "place,timestep,block,heads,experts,experts_low,experts_high,kept,kept_low,kept_high\n") &&
                      Contains("\n1,0.25,0,1,0.3,NaN,NaN,NaN,NaN,NaN\n1,0.25,1,1,NaN,NaN,NaN,"));
  CHECK_THAT(to_csv(learning_curves(runs)),
             Contains(",units_on.heads,units_on.experts,") && Contains(",NaN,0.25,0.5,small"));
  const std::string page = read_file(write_report(runs, folder.path() / "out"));
  CHECK_THAT(page, Contains("<th scope=\"col\">experts &amp; more</th>") &&
                       Contains("Heads depend on the timestep alone; experts &amp; more and MACs are means"));
  CHECK_THAT(page, Contains("depth 3, of experts") && Contains("by block, grey where it has no such units; below") &&
                       Contains("at t&nbsp;=&nbsp;0 and 0.800 at t&nbsp;=&nbsp;0.5."));
  const std::string plot = activation_figure(a, process_of(runs[0])).plot;
  CHECK_THAT(plot, Contains("set title 'experts & more'") &&
                       Contains("using 2:5 with linespoints linetype 2 title 'experts & more'") &&
                       Contains("'time t (1 is data)'") && Contains("set xrange [0:1]\n") &&
                       Contains("rectangle from -0.5,1-0.5"));
}

TEST_CASE("entries of manifests of another type are refused in one line") {
  const TemporaryFolder folder;
  int number = 0;
  const auto runs_with = [&](const Json& more) {
    auto records = sweep({"dense", "compact"}, {"both"}, "small");
    return run_of(folder.path() / std::to_string(++number), records, more);
  };
  const auto refused = [&](const Json& more, auto read) {
    INFO(more.dump());
    const auto runs = runs_with(more);
    CHECK_THROWS_AS(read(runs), InputError);
    CHECK_THROWS_WITH(read(runs), Contains(folder.path().string()) && !Contains("\n"));
  };
  for (const char* engines : {"5", "[5]", "[{}]", R"([{"name": "x"}])", R"([{"name": "x", "executes": "some"}])",
                              R"([{"name": 5, "executes": "all"}])",
                              R"([{"name": "x", "executes": "all"}, {"name": "x", "executes": "kept"}])"})
    refused({{"engines", Json::parse(engines)}}, [](const auto& runs) { return speed_studies(runs); });
  for (const char* process : {"5", "[]", "{}", R"({"name": 5})", R"({"name": "heat"})"})
    refused({{"process", Json::parse(process)}}, [](const auto& runs) { return process_of(runs[0]).name; });
  for (const char* units :
       {"5", "[5]", "[{}]", R"([{"name": "heads"}])", R"([{"name": "heads", "scope": "image"}])",
        R"([{"name": "heads", "scope": "token", "layers": -1}])",
        R"([{"name": "heads", "scope": "token", "label": 5}])", R"([{"name": "", "scope": "token"}])"})
    refused({{"models", {{{"name", "small"}, {"units", Json::parse(units)}}}}},
            [](const auto& runs) { return model_in(runs, "small").dynamic; });
  CHECK(runs_with({{"engines", {{{"name", "compact"}, {"executes", "masked"}}}}}).size() == 1);
  CHECK(speed_studies(runs_with({{"engines", {{{"name", "compact"}, {"executes", "masked"}}}}}))
            .at(0)
            .engines(Executes::kept)
            .empty());
}

TEST_CASE("a model is dynamic by its units, and of the size that its manifest says") {
  const TemporaryFolder folder;
  const Json models = {
      {{"name", "new"}, {"units", experts[0]["units"]}, {"dense", "S"}, {"configuration", {{"depth", 3}}}},
      {{"name", "plain"}, {"units", Json::array()}, {"dense", "S"}},
      {{"name", "old"}, {"configuration", {{"name", "DyDiT"}, {"dynamic", true}, {"depth", 3}}}}};
  const auto runs = run_of(folder.path() / "run", {}, {{"models", models}});
  const Model now = model_in(runs, "new"), plain = model_in(runs, "plain"), old = model_in(runs, "old"),
              none = model_in(runs, "other");
  CHECK((now.dynamic && !plain.dynamic && old.dynamic && !none.dynamic));
  CHECK((now.dense == "S" && plain.dense == "S" && old.dense == Json{{"depth", 3}}));
  CHECK((now.units.size() == 2 && now.units[1].per_token && now.units[1].metric == "units_on.experts" &&
         now.units[1].column == "experts"));
  CHECK((plain.units.empty() && old.units.size() == 3 && old.units[1].metric == "channel_groups_on"));
  CHECK(record::metric("units_on.heads").name == "units_on");
}
