// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <set>
#include <span>
#include <tuple>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// A curve: those that skip come first, of one engine the largest batch.
struct Line {
  Engine engine;
  std::int64_t batch;

  friend bool operator<(const Line& a, const Line& b) {
    return std::tie(b.engine.executes, a.engine.name, b.batch) < std::tie(a.engine.executes, b.engine.name, a.batch);
  }
};
/// The points of each engine and batch, from everything on to the least kept; shares by axis, which no curve joins,
/// last.
using Curves = std::map<Line, std::vector<const SpeedCell*>>;
struct Panel {
  std::string which;
  Curves curves;
};

std::vector<Panel> panels_of(const SpeedStudy& study) {
  std::vector<std::string> ways;
  for (const Skipped& known : skipped_units) ways.emplace_back(known.which);
  for (const SpeedCell& cell : study.cells)
    if (std::ranges::find(ways, cell.which) == ways.end()) ways.push_back(cell.which);
  std::vector<Panel> panels;
  for (const std::string& which : ways) {
    if (!skipped(which).imposed) continue;
    Curves curves;
    for (const SpeedCell& cell : study.cells)
      if (cell.engine.executes != Executes::all && (cell.everything_on() || cell.which == which) &&
          std::isfinite(cell.theoretical_speedup) && std::isfinite(cell.speedup.mean))
        curves[{cell.engine, cell.batch}].push_back(&cell);
    std::erase_if(curves, [&](const auto& curve) { return curve.second.back()->which != which; });
    if (!curves.empty()) panels.push_back({which, std::move(curves)});
  }
  return panels;
}

/// A colour for each batch, the largest first; dashes and points for each engine, open ones where it
/// multiplies by masks.
class Style {
 public:
  explicit Style(const SpeedStudy& study)
      : kept_(study.engines(Executes::kept)), masked_(study.engines(Executes::masked)) {
    for (const SpeedCell& cell : study.cells) batches_.insert(cell.batch);
  }
  std::string colour(const Line& line) const { return fmt::format("linetype {}", rank(line)); }
  std::string curve(const Line& line) const {
    constexpr std::array solid{"1", "(10,3,2,3)", "(2,2)"}, dashed{"(4,3)", "(4,2,1,2)", "(1,3)"};
    return fmt::format("with linespoints {} dashtype {} {}", colour(line), (masked(line) ? dashed : solid)[look(line)],
                       symbol(line));
  }
  std::string points(const Line& line) const { return fmt::format("with points {} {}", colour(line), symbol(line)); }

 private:
  std::string symbol(const Line& line) const {
    constexpr std::array filled{7, 5, 9}, open{6, 4, 8};  // circles, squares, triangles
    // Points of smaller batches leave a rim of those below them.
    return fmt::format("pointtype {} pointsize {:.2f}", (masked(line) ? open : filled)[look(line)],
                       0.4 + 0.4 / static_cast<double>(rank(line)));
  }
  static bool masked(const Line& line) { return line.engine.executes == Executes::masked; }
  std::size_t look(const Line& line) const {
    const auto& engines = masked(line) ? masked_ : kept_;
    return static_cast<std::size_t>(std::ranges::find(engines, line.engine.name) - engines.begin()) % 3;
  }
  std::ptrdiff_t rank(const Line& line) const { return std::distance(batches_.begin(), batches_.find(line.batch)) + 1; }

  std::vector<std::string> kept_, masked_;
  std::set<std::int64_t, std::greater<>> batches_;
};

constexpr const char* by_axis_style = "with points linecolor rgb 'black' pointtype 6 pointsize 1.2 linewidth 1";
constexpr const char* published_style =
    "with linespoints linecolor rgb '#909090' linewidth 1.2 pointtype 8 pointsize 0.7";

std::string published_block(const SpeedStudy& study) {
  std::string block = "$published << EOD\n";
  for (const auto& [theoretical, speedup] : published_speeds(study.model))
    block += fmt::format("{:.6g},{:.6g}\n", theoretical, speedup);
  return block + "EOD\n";
}

struct Ranges {
  Range x, y;
};

/// Of all panels: from below the slowest to the fastest, with the whole diagonal above it.
Ranges ranges_of(std::span<const Panel> panels) {
  Range x{1, 1}, y{1, 1};
  for (const auto& [which, curves] : panels)
    for (const auto& [line, cells] : curves)
      for (const SpeedCell* cell : cells) {
        x.include(cell->theoretical_speedup);
        y.include(cell->speedup);
      }
  y.include(x.high);
  const double margin = 0.05 * std::max(y.size(), 0.1);
  return {{x.low - margin, x.high + margin}, {y.low - margin, y.high + margin}};
}

/// What a panel says beside its curves: what is skipped, and what the diagonal and the level line mean.
std::string labels(const std::string& which, const Ranges& axes, const PanelRow& row) {
  const double angle = std::atan(row.height / axes.y.size() / (row.width() / axes.x.size()));
  const double middle = axes.x.low + 0.6 * axes.x.size();
  return fmt::format(
      "set label {} at graph 0.5,1 center offset 0,0.8\n"
      "set label 'all of it becomes time' at first {:.6g},{:.6g} center rotate by {:.2f} "
      "offset {:.2f},{:.2f} textcolor rgb '#808080' font ',12'\n"
      "set label 'dense' at graph 0.985,first 1 right offset 0,0.5 textcolor rgb '#808080' font ',12'\n",
      gnuplot_string(skipped(which).label), middle, middle, angle * 180 / std::numbers::pi, -2.2 * std::sin(angle),
      1.2 * std::cos(angle));
}

std::string key(const std::vector<std::string>& entries, double height) {
  return fmt::format("set key at screen 0.5,{:.6f} center top vertical maxrows {} samplen 2.5\n", 1 - 28 / height,
                     (entries.size() + 2) / 3);
}

std::vector<std::string> key_entries(const Style& style, std::span<const Panel> panels, bool published) {
  std::map<Line, std::string> lines;
  bool by_axis = false;
  for (const auto& [which, curves] : panels)
    for (const auto& [line, cells] : curves) {
      by_axis |= cells.back()->keep.by_axis();
      lines[line] = fmt::format("keyentry {} title ", style.curve(line)) +
                    gnuplot_string(fmt::format("{}, batch {}", line.engine.name, line.batch));
    }
  std::vector<std::string> entries;
  for (const auto& [line, entry] : lines) entries.push_back(entry);
  if (by_axis) entries.push_back(fmt::format("keyentry {} title 'shares by axis'", by_axis_style));
  if (published) entries.push_back(fmt::format("keyentry {} title 'published, on a V100'", published_style));
  return entries;
}

/// Intervals, the curve through shares of all units alike, and ringed points of shares by axis, of the rows of the CSV
/// that begin with `first`.
std::string plot_curve(const Style& style, const Line& line, const std::vector<const SpeedCell*>& cells,
                       std::size_t first) {
  const auto rows = [&](std::size_t from, std::size_t to) {
    return fmt::format(", \\\n  data skip 1 every ::{}::{} using ", first + from, first + to - 1);
  };
  const auto joined = static_cast<std::size_t>(
      std::ranges::count_if(cells, [](const SpeedCell* cell) { return !cell->keep.by_axis(); }));
  std::string plot = rows(0, cells.size()) +
                     fmt::format("1:3:(0):($4-$3) with vectors nohead {} linewidth 1.2 notitle", style.colour(line));
  if (joined > 0) plot += rows(0, joined) + fmt::format("1:2 {} notitle", style.curve(line));
  if (joined < cells.size())
    for (const std::string& look : {style.points(line), std::string(by_axis_style)})
      plot += rows(joined, cells.size()) + fmt::format("1:2 {} notitle", look);
  return plot;
}

Figure figure_of(const SpeedStudy& study, std::span<const Panel> panels, const std::string& name) {
  const bool published = !published_speeds(study.model).empty() &&
                         std::ranges::any_of(panels, [](const Panel& o) { return o.which == "both"; });
  const Style style(study);
  const auto entries = key_entries(style, panels, published);
  const Ranges axes = ranges_of(panels);
  const PanelRow row{panels.size(), 62, 58 + 20.0 * static_cast<double>((entries.size() + 2) / 3),
                     200 + 180 / static_cast<double>(panels.size())};
  std::string csv = "theoretical_speedup,speedup,speedup_low,speedup_high,keep,batch,engine,which\n";
  std::string plot = fmt::format("set multiplot\nset xrange {}\nset yrange {}\nset xtics {}\nset ytics {}\n",
                                 axes.x.text(), axes.y.text(), tic_step(axes.x.size()), tic_step(axes.y.size())) +
                     "set format y '%g'\n"
                     "set xlabel 'theoretical speedup' offset 0,0.3\nset ylabel 'actual speedup' offset 0.5\n" +
                     row.title(study.title() + ": how much of the skipped work becomes time?") +
                     key(entries, row.figure_height());
  std::size_t first = 0, drawn = 0;
  for (const auto& [which, curves] : panels) {
    plot += row.place(drawn) + labels(which, axes, row) +
            "plot 1 with lines linecolor rgb '#808080' linewidth 1 notitle, \\\n"
            "  x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle";
    if (published && which == "both") plot += fmt::format(", \\\n  $published using 1:2 {} notitle", published_style);
    for (const auto& [line, cells] : curves) {
      plot += plot_curve(style, line, cells, first);
      first += cells.size();
      for (const SpeedCell* cell : cells)
        csv += csv_line(cell->theoretical_speedup, cell->speedup, cell->keep.text(), cell->batch, cell->engine.name,
                        cell->which);
    }
    if (drawn++ == 0)
      for (const std::string& entry : entries) plot += ", \\\n  " + entry;
    plot += "\nunset label\nunset key\nunset ylabel\nset format y ''\n";
  }
  return {.name = name,
          .description = "Actual against theoretical speedup of " + study.title() +
                         ", a curve for each engine and batch; on the diagonal all of the skipped work "
                         "becomes time.",
          .width = PanelRow::figure_width,
          .height = row.figure_height(),
          .csv = csv,
          .settings = plot_style() + (published ? published_block(study) : ""),
          .plot = plot + "unset multiplot"};
}

}  // namespace

std::vector<Figure> speedup_figures(const SpeedStudy& study, const std::string& name) {
  return PanelRow::figures(panels_of(study), name,
                           [&](auto panels, const std::string& its) { return figure_of(study, panels, its); });
}

}  // namespace dydit::analysis
