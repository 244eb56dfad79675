// SPDX-License-Identifier: Apache-2.0
// What the figures of a profile draw: their numbers, against the rows that they are of.
#include <algorithm>
#include <cmath>
#include <regex>
#include <set>

#include "analysis/figures.h"
#include "analysis/range_changes.h"
#include "catch.h"
#include "made_up_profile.h"
#include "made_up_speed.h"
#include "plot_style.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;
using record::Record;

namespace {

using Line = std::map<std::string, std::string>;

double at(const Line& line, const char* column) { return std::stod(line.at(column)); }

/// made_up_profile with deeper ranges, kernels of one role in two tiles, products of one rate, and what is too narrow
/// to be drawn.
std::vector<Record> deep_profile() {
  auto records = made_up_profile();
  const auto add = [&](const Record& record) { records.insert(records.begin(), record); };
  for (const char* engine : {"dense", "compact"}) {
    for (const char* range : {"qkv", "proj", "sdpa", "q"})
      add(kernel_row(engine, std::string("pass/block/attention/") + range, "gemm", 1.01, 0.8, 4));
    add(kernel_row(engine, "pass/block/attention", "scale_tile", 0.75, 0, 3));
    add(kernel_row(engine, "pass/block/mlp/fc2", "nv_64x32_a", 0.5, 0.25, 1));
    add(kernel_row(engine, "pass/block/mlp/fc2", "nv_128x32_b", 1.5, 0.5, 2));
    add(kernel_row(engine, "", "copy", 0.25, 0, 1));
    for (int i = 0; i < 30; ++i) add(kernel_row(engine, "pass/block/mlp/small", std::to_string(i), 1e-3, 0, 1e-3));
  }
  return records;
}

}  // namespace

TEST_CASE("the icicle: pieces lie side by side within what they are part of, and sum to the whole") {
  const auto studies = profile_studies_of(deep_profile());
  const auto figure = icicle_figure(studies[0], studies[0].asked(), "i");
  REQUIRE(figure);
  const auto pieces = read_csv(figure->csv);
  for (const ProfileCell& cell : studies[0].cells) {
    std::vector<Line> of_cell;
    for (const Line& piece : pieces)
      if (piece.at("cell") == cell.name()) of_cell.push_back(piece);
    REQUIRE(of_cell.size() > 8);
    const std::string first_lane = of_cell.front().at("lane");
    double whole = 0;
    for (const Line& piece : of_cell) {
      CHECK(at(piece, "ms") == Approx(at(piece, "right") - at(piece, "left")));
      if (piece.at("lane") == first_lane) {
        CHECK(at(piece, "left") == Approx(whole).margin(1e-9));
        whole += at(piece, "ms");
      }
      double below = at(piece, "left");  // as far as the parts reach
      bool parts = false;
      for (const Line& part : of_cell) {
        const std::string path = piece.at("path") + "/";
        if (!part.at("path").starts_with(path) || part.at("path").find('/', path.size()) != std::string::npos) continue;
        parts = true;
        CHECK(at(part, "lane") == at(piece, "lane") + 1);
        CHECK(at(part, "left") == Approx(below).margin(1e-6));
        below += at(part, "ms");
      }
      if (parts) CHECK(below == Approx(at(piece, "right")).margin(1e-6));
      if (piece.at("kind") == "range") CHECK(parts);
    }
    CHECK(whole == Approx(cell.whole_time()));
  }
}

TEST_CASE("opportunities: the largest first, each the excess of the rows of its range and role") {
  const auto studies = profile_studies_of(deep_profile());
  const ProfileCell& cell = studies[0].asked();
  const auto figure = opportunities_figure(studies[0], cell, "o");
  REQUIRE(figure);
  const auto bars = read_csv(figure->csv);
  REQUIRE(bars.size() == 10);
  double before = HUGE_VAL;
  for (const Line& bar : bars) {
    double excess = 0, time = 0;
    for (const KernelRow& row : cell.rows)
      if (row.range == bar.at("range") && kernel_role(row.kernel) == bar.at("kernel")) {
        excess += row.excess();
        time += row.time;
      }
    CHECK(at(bar, "excess") == Approx(excess));
    CHECK(at(bar, "end") == at(bar, "excess"));
    CHECK(at(bar, "time") == Approx(time));
    CHECK(at(bar, "excess") <= before);
    before = at(bar, "excess");
  }
  std::map<std::pair<std::string, std::string>, double> all;
  for (const KernelRow& row : cell.rows) all[{row.range, kernel_role(row.kernel)}] += row.excess();
  for (const auto& [names, excess] : all)
    if (excess > before)  // none of the others is larger
      CHECK(std::any_of(bars.begin(), bars.end(), [&, &range = names.first, &kernel = names.second](const Line& bar) {
        return bar.at("range") == range && bar.at("kernel") == kernel;
      }));
}

TEST_CASE("the roofline: each row of a thousandth or more at its rate and intensity, or at its bandwidth") {
  const auto studies = profile_studies_of(deep_profile());
  const auto figure = roofline_figure(studies[0], studies[0].asked(), "r");
  REQUIRE(figure);
  const auto points = read_csv(figure->csv);
  std::size_t point = 0, small = 0;
  for (const ProfileCell& cell : studies[0].cells)
    for (const KernelRow& row : cell.rows) {
      if (row.gap()) continue;
      if (row.time < 0.001 * (cell.whole_time() - cell.remainder)) {
        ++small;
        continue;
      }
      REQUIRE(point < points.size());
      const Line& line = points[point++];
      CHECK(line.at("cell") == cell.name());
      CHECK(line.at("range") == row.range);
      CHECK(line.at("kernel") == short_kernel(row.kernel));
      CHECK(at(line, "kernel_time") == Approx(row.time));
      CHECK(at(line, "time_percent") == Approx(100 * row.time / (cell.whole_time() - cell.remainder)));
      if (row.gmacs > 0) {
        CHECK(at(line, "macs_per_byte") == Approx(1e3 * row.gmacs / row.bytes));
        CHECK(at(line, "gmacs_per_second") == Approx(row.rate()));
        CHECK(std::isnan(at(line, "gb_per_second")));
      } else {
        CHECK(at(line, "gb_per_second") == Approx(row.bytes / row.time));
        CHECK(std::isnan(at(line, "macs_per_byte")));
      }
    }
  CHECK(point == points.size());
  CHECK(small > 0);
}

TEST_CASE("a logarithmic axis has tics, wherever it lies") {
  CHECK(log_tics({.low = 0.5, .high = 2000}) == "(1, 10, 100, 1000)");
  CHECK(log_tics({.low = 0.02, .high = 0.9}) == "(0.02, 0.05, 0.1, 0.2, 0.5)");
  CHECK(log_tics({.low = 1733, .high = 6588}) == "(2000, 3000, 4000, 5000)");
  CHECK(log_tics({.low = 1e-9, .high = 1}) == "autofreq");
  CHECK(log_tics({.low = 1733, .high = 6588}, 0.2) == "(2000, 3000, 4000, 6000)");
  CHECK(log_tics({.low = 0.11, .high = 0.4}, 0.2) == "(0.12, 0.16, 0.25, 0.35)");
  for (double low = 1; low < 10; low *= 1.01)
    for (const double factor : {1.7, 2.56, 10.0, 1e4}) {
      const std::string tics = log_tics({.low = low, .high = factor * low});
      CAPTURE(low, factor, tics);
      CHECK(tics.find(", ") != std::string::npos);  // two at least
    }
}

TEST_CASE("the roofline's axes have tics, however often it is drawn") {
  const auto studies = profile_studies_of(deep_profile());
  const std::string plot = roofline_figure(studies[0], studies[0].asked(), "r")->plot;
  // What the second panel sets is not left to the next format's first.
  const std::size_t first = plot.find("plot ("), second = plot.find("unset logscale x");
  REQUIRE((first != std::string::npos && second != std::string::npos));
  for (const char* tics : {"set xtics (", "set ytics ("}) CHECK(plot.find(tics) < first);
  CHECK(plot.find("tics ()") == std::string::npos);
  CHECK(plot.find("set ytics (", second) != std::string::npos);
  CHECK(plot.ends_with("set xtics autofreq\nset ytics autofreq"));
}

TEST_CASE("the roofline's names stand apart, within the panel") {
  const auto studies = profile_studies_of(deep_profile());
  const std::string plot = roofline_figure(studies[0], studies[0].asked(), "r")->plot;
  const std::regex label("set label '(\\S+)' at graph ([0-9.]+),graph ([0-9.]+) left");
  double before = HUGE_VAL;
  std::set<std::string> names;
  for (auto found = std::sregex_iterator(plot.begin(), plot.end(), label); found != std::sregex_iterator(); ++found) {
    const double up = 330 * std::stod((*found)[3]);  // pixels
    CHECK(before - up > 13);
    CHECK((up > 5 && up < 325));
    before = up;
    names.insert((*found)[1]);
  }
  // Of fc2 two kernels, which are named themselves.
  CHECK((names == std::set<std::string>{"qkv", "proj", "sdpa", "q", "fc1", "nv_64x32_a", "nv_128x32_b"}));
}

TEST_CASE("the waterfall: each box begins where the last one ended, from the one time to the other") {
  const auto studies = profile_studies_of(deep_profile());
  const ProfileCell& cell = studies[0].asked();
  const auto figure = profile_waterfall_figure(studies[0], cell, "w");
  REQUIRE(figure);
  const auto boxes = read_csv(figure->csv);
  double end = studies[0].complete()->whole_time();
  std::map<std::string, double> over;
  for (const Line& box : boxes) {
    CHECK(at(box, "start") == Approx(end));
    if (box.at("kind") != "total") {
      CHECK(at(box, "ms") == Approx(at(box, "end") - at(box, "start")).margin(1e-6));
      end += at(box, "ms");
      over[box.at("bar")] += at(box, "ms");
    }
    CHECK(at(box, "end") == Approx(end));
  }
  CHECK(end == Approx(cell.whole_time()));
  CHECK(boxes.front().at("kind") == "total");
  CHECK(boxes.back().at("kind") == "total");
  for (const RangeChange& change : range_changes(*studies[0].complete(), cell))
    if (change.over() != 0) CHECK(over.at(short_range(change.range)) == Approx(change.over()));
  CHECK(boxes[2].at("behind") == "(launch): new, 2 ms; index: new, 0.500 ms");
}
