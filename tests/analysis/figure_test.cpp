// SPDX-License-Identifier: Apache-2.0
#include "analysis/figures.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "made_up_run.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;

static const Figure line = {.name = "line",
                            .description = "A line.",
                            .width = 300,
                            .height = 200,
                            .csv = "x,y\n1,2\n2,3\n",
                            .settings = "",
                            .plot = "plot data skip 1 using 1:2 with lines"};

TEST_CASE("a figure leaves its script, its data and three pictures, the same bytes each time") {
  const test::TemporaryFolder folder;
  for (const char* name : {"a", "b"}) draw(line, folder.path() / name, "2026-01-31T12:34:56Z");
  for (const char* kind : {".gp", ".csv", ".svg", ".pdf", ".png"}) {
    const std::string file = std::string("line") + kind;
    const std::string bytes = read_file(folder.path() / "a" / file);
    CHECK(bytes.size() > 10);
    CHECK(bytes == read_file(folder.path() / "b" / file));
  }
  CHECK(read_file(folder.path() / "a" / "line.pdf").find("(D:20260131123456Z)") != std::string::npos);
  CHECK(read_file(folder.path() / "a" / "line.png").substr(1, 3) == "PNG");
}

TEST_CASE("without gnuplot, or when it fails, the error names it") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(draw(line, folder.path(), "", "gnuplot-that-is-missing"),
                    Catch::Contains("gnuplot-that-is-missing") && Catch::Contains("install"));
  Figure broken = line;
  broken.plot = "plot undefined_function(x)";
  CHECK_THROWS_WITH(draw(broken, folder.path(), ""), Catch::Contains("line.gp") && Catch::Contains("undefined"));
  CHECK_THROWS_AS(draw(broken, folder.path(), ""), RunError);
}

TEST_CASE("a picture that gnuplot could not finish is none, and the one before it stays") {
  const test::TemporaryFolder folder;
  const auto half = folder.path() / "half", figures = folder.path() / "figures";
  write_atomically(half, "#!/bin/sh\nfor kind in svg pdf png; do echo '<svg' > line.$kind; done\n");
  std::filesystem::permissions(half, std::filesystem::perms::owner_all);
  draw(line, figures, "2026-01-31T12:34:56Z");
  const std::string before = read_file(figures / "line.svg");
  CHECK_THROWS_WITH(draw(line, figures, "2026-01-31T12:34:56Z", half),
                    Catch::Contains("unfinished") && Catch::Contains("line.svg"));
  CHECK(read_file(figures / "line.svg") == before);
}

TEST_CASE("what a killed report was drawing is taken up by the next one, whose pictures alone are left") {
  const test::TemporaryFolder folder;
  const auto fake = folder.path() / "fake", whole = folder.path() / "whole", figures = folder.path() / "figures";
  // Its parent is killed while it draws; it goes on for a moment.
  write_atomically(fake, "#!/bin/sh\necho torn > line.svg\nkill -9 $PPID\nsleep 0.1\necho late > line.pdf\n");
  std::filesystem::permissions(fake, std::filesystem::perms::owner_all);
  draw(line, whole, "2026-01-31T12:34:56Z");
  const test::TemporaryFolder temporary;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TMPDIR", temporary.path().c_str(), 1);
    draw(line, figures, "2026-01-31T12:34:56Z", fake);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(temporary.entries() == 0);
  CHECK(std::filesystem::exists(figures / "line.part" / "line.svg"));
  draw(line, figures, "2026-01-31T12:34:56Z");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(figures)) {
    names.insert(entry.path().filename());
    CHECK((read_file(entry.path()) == read_file(whole / entry.path().filename())));
  }
  CHECK((names == std::set<std::string>{"line.csv", "line.gp", "line.pdf", "line.png", "line.svg"}));
}

TEST_CASE("reports that draw the same figure at once do so one after the other") {
  const test::TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(::fork());
    if (children.back() > 0) continue;
    try {
      draw(line, folder.path(), "2026-01-31T12:34:56Z");
      ::_exit(0);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(folder.entries() == 5);
}

TEST_CASE("the paper's curve is scaled to our peak") {
  LossGap gap{
      {20, 500}, {{"S", {1, 1}, {1, 1}, {{0.102, 0.1, 0.11}, {0.01, 0, 0.02}}, {}}, {"XL", {1, 1}, {1, 1}, {}, {}}}, 5};
  gap.models[0].vb_gap = gap.models[0].mse_gap;
  const Figure figure = loss_gap_figure(gap);
  CHECK(figure.settings.find("\n40,0.102\n") != std::string::npos);
  CHECK(figure.settings.find("\n5,0.06\n") != std::string::npos);
}

TEST_CASE("a single model has no difference to show") {
  const test::TemporaryFolder folder;
  const Figure figure = loss_gap_figure({{20, 500}, {{"S", {0.5, 0.1}, {1, 1}, {}, {}}}, 5});
  CHECK(figure.plot.find("difference") == std::string::npos);
  CHECK_NOTHROW(draw(figure, folder.path(), ""));
}

TEST_CASE("a map figure can scale each map by itself") {
  const test::TemporaryFolder folder;
  const auto grids = map_grids(std::vector{record::read_run(test::make_run(folder.path() / "a"))}, Mapped::loss, 2);
  const std::string common = loss_map_figure(grids[0], false).settings, each = loss_map_figure(grids[0], true).settings;
  const auto first_and_second_row = [](const std::string& settings) {
    const auto begin = settings.find("array high[R*K] = [") + 19;
    const std::string list = settings.substr(begin, settings.find(']', begin) - begin);
    std::size_t middle = 0;
    for (int i = 0; i < 5; ++i) middle = list.find(", ", middle) + 2;
    return std::pair(list.substr(0, middle - 2), list.substr(middle));
  };
  CHECK(first_and_second_row(common).first == first_and_second_row(common).second);
  CHECK(first_and_second_row(each).first != first_and_second_row(each).second);
}

TEST_CASE("a model's name changes nothing of what is drawn but the name") {
  const test::TemporaryFolder folder;
  const auto curves = [&](const std::string& first, const std::string& second) {
    const std::vector<double> timesteps = {20, 500};
    const std::vector<Interval> gap = {{0.2, 0.1, 0.3}, {0.1, 0, 0.2}}, other = {{0.6, 0.5, 0.7}, {0.5, 0.4, 0.6}};
    const LossGap gaps{
        timesteps,
        {{first, {3, 2}, {1, 1}, gap, gap}, {second, {5, 4}, {1, 1}, other, other}, {"XL", {1, 1}, {1, 1}, {}, {}}},
        3};
    const std::vector<ModelConcentration> spreads = {{first, 3, timesteps, gap, other, {0.1, 0.2}},
                                                     {second, 3, timesteps, other, gap, {0.1, 0.2}}};
    const std::vector<LearningCurve> learnt = {{first, {{1, 0.5, 0.4}, {9, 0.3, 0.2}}},
                                               {second, {{2, 0.7, 0.8}, {8, 0.2, 0.1}}}};
    std::vector<std::string> paths;
    for (const Figure& figure : {loss_gap_figure(gaps), concentration_figure(spreads), learning_figure(learnt)}) {
      draw(figure, folder.path(), "");
      const std::string svg = read_file(folder.path() / (figure.name + ".svg"));
      for (std::size_t at = 0; (at = svg.find(" d='", at)) != svg.npos; at = svg.find('\'', at + 4))
        paths.push_back(svg.substr(at, svg.find('\'', at + 4) - at));
    }
    return paths;
  };
  const auto plain = curves("first name", "other name");
  CHECK(plain.size() > 50);
  CHECK(curves("#irst name", "\"ther,name") == plain);
  CHECK(curves("first\"#,,m", "#\"\",\"er na") == plain);
}

TEST_CASE("a key stands above the panels, however many and long its entries") {
  const test::TemporaryFolder folder;
  const std::vector<double> timesteps = {20, 500};
  const std::vector<Interval> gap = {{0.2, 0.1, 0.3}, {0.1, 0, 0.2}};
  const std::vector<std::string> names = {"one-of-some-length", "another-of-some-length", "third", "fourth", "last"};
  LossGap gaps{timesteps, {}, 3};
  std::vector<ModelConcentration> spreads;
  std::vector<LearningCurve> dense, dynamic;
  std::vector<ComputeMap> maps;
  std::vector<Tradeoff> tradeoffs;
  for (const std::string& name : names) {
    const bool last = name == names.back();
    gaps.models.push_back({name, {3, 2}, {1, 1}, last ? std::vector<Interval>{} : gap, gap, names.size() - 1});
    spreads.push_back({name, 3, timesteps, gap, gap, {0.1, 0.2}});
    dense.push_back({name, {{1, 0.5, 0.4}, {9, 0.3, 0.2}}});
    dynamic.push_back({name, {{1, 0.5, 0.4}, {9, 0.3, 0.2}}, "routers", "both", "none"});
    maps.push_back({name, 3, timesteps, gap, gap, gap, gap[0]});
    Tradeoff& tradeoff = tradeoffs.emplace_back();
    tradeoff.reference = name;  // a curve each
    tradeoff.lambda = 0.5;
    tradeoff.loss_percent = gap[0];
  }
  const UnitAxis heads{.name = "heads", .label = "heads"};
  const Activation activation{"half", 2, timesteps, 2, {{heads, Eigen::MatrixXd::Ones(2, 2), gap}}, gap, gap[0]};
  // What a key entry may not be below: the uppermost panel, or in the activation figure the last.
  const auto check = [&](const Figure& figure, const std::string& entry, bool last_panel = false) {
    INFO(figure.name);
    draw(figure, folder.path(), "");
    const std::string margin = "set tmargin at screen ";
    const auto found = last_panel ? figure.plot.rfind(margin) : figure.plot.find(margin);
    REQUIRE(found != figure.plot.npos);
    const double panel_top = (1 - std::stod(figure.plot.substr(found + margin.size()))) * figure.height;
    const std::string svg = read_file(folder.path() / (figure.name + ".svg"));
    std::size_t entries = 0;
    const std::string text = "<text>" + entry + "</text>";
    for (auto at = svg.find(text); at != svg.npos; at = svg.find(text, at + 1)) {
      const auto translate = svg.rfind("translate(", at), comma = svg.find(',', translate);
      CHECK(std::stod(svg.substr(comma + 1)) < panel_top);
      CHECK(std::stod(svg.substr(translate + 10)) < figure.width - 8.0 * static_cast<double>(entry.size()));
      ++entries;
    }
    CHECK(entries > 0);
  };
  for (const std::string& name : names) {
    check(loss_gap_figure(gaps), name);
    check(concentration_figure(spreads), name);
    check(learning_figure(dense), name);
    check(lambda_figure(dynamic), name);
    check(compute_curves_figure(maps), name);
    check(tradeoffs_figure(tradeoffs).value(), "dynamic, beside " + name);
  }
  check(activation_figure(activation), "all MACs (λ)", true);
}
