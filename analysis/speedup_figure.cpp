// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <set>
#include <utility>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// The points of each engine and batch, from everything on to the least kept; the compact engine first.
using Line = std::pair<Engine, std::int64_t>;
using Curves = std::map<Line, std::vector<const SpeedCell*>, std::greater<>>;
using Panels = std::map<Which, Curves>;

Panels panels_of(const SpeedStudy& study) {
  Panels panels;
  for (const Which which : {Which::widths, Which::tokens, Which::both}) {
    Curves curves;
    for (const SpeedCell& cell : study.cells)
      if (cell.engine != Engine::dense && (cell.which == Which::all || cell.which == which) &&
          std::isfinite(cell.theoretical_speedup) && std::isfinite(cell.speedup.mean))
        curves[{cell.engine, cell.batch}].push_back(&cell);
    std::erase_if(curves, [&](const auto& curve) { return curve.second.back()->which != which; });
    if (!curves.empty()) panels.emplace(which, std::move(curves));
  }
  return panels;
}

/// A colour for each batch, the largest first; the masked engine dashed, with open points.
class Style {
 public:
  explicit Style(const SpeedStudy& study) {
    for (const SpeedCell& cell : study.cells) batches_.insert(cell.batch);
  }
  std::string colour(const Line& line) const { return fmt::format("linetype {}", rank(line)); }
  std::string curve(const Line& line) const {
    const bool masked = line.first == Engine::masked;
    // Points of smaller batches leave a rim of those below them.
    return fmt::format("with linespoints {} dashtype {} pointtype {} pointsize {:.2f}", colour(line),
                       masked ? "(4,3)" : "1", masked ? 6 : 7, 0.4 + 0.4 / static_cast<double>(rank(line)));
  }

 private:
  std::ptrdiff_t rank(const Line& line) const {
    return std::distance(batches_.begin(), batches_.find(line.second)) + 1;
  }

  std::set<std::int64_t, std::greater<>> batches_;
};

constexpr const char* published_style =
    "with linespoints linecolor rgb '#909090' linewidth 1.2 pointtype 8 pointsize 0.7";

std::string published_block(const SpeedStudy& study) {
  std::string block = "$published << EOD\n";
  for (const auto& [theoretical, speedup] : published_speeds(study.model))
    block += fmt::format("{:.6g},{:.6g}\n", theoretical, speedup);
  return block + "EOD\n";
}

struct Axes {
  Range x, y;
};

/// Of all panels: from below the slowest to the fastest, with the whole diagonal above it.
Axes axes_of(const Panels& panels) {
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
std::string labels(Which which, const Axes& axes, const PanelRow& row) {
  const double angle = std::atan(row.height / axes.y.size() / (row.width() / axes.x.size()));
  const double middle = axes.x.low + 0.6 * axes.x.size();
  return fmt::format(
      "set label '{}' at graph 0.5,1 center offset 0,0.8\n"
      "set label 'all of it becomes time' at first {:.6g},{:.6g} center rotate by {:.2f} "
      "offset {:.2f},{:.2f} textcolor rgb '#808080' font ',12'\n"
      "set label 'dense' at graph 0.985,first 1 right offset 0,0.5 textcolor rgb '#808080' font ',12'\n",
      skipped(which), middle, middle, angle * 180 / std::numbers::pi, -2.2 * std::sin(angle),
      1.2 * std::cos(angle));
}

std::string key(const std::vector<std::string>& entries, double height) {
  return fmt::format("set key at screen 0.5,{:.6f} center top vertical maxrows {} samplen 2.5\n",
                     1 - 28 / height, (entries.size() + 2) / 3);
}

std::vector<std::string> key_entries(const SpeedStudy& study, const Panels& panels, bool published) {
  std::map<Line, std::string, std::greater<>> lines;
  for (const auto& [which, curves] : panels)
    for (const auto& [line, cells] : curves)
      lines[line] = fmt::format("keyentry {} title '{}, batch {}'", Style(study).curve(line),
                                name_of(line.first), line.second);
  std::vector<std::string> entries;
  for (const auto& [line, entry] : lines) entries.push_back(entry);
  if (published) entries.push_back(fmt::format("keyentry {} title 'published, on a V100'", published_style));
  return entries;
}

}  // namespace

std::optional<Figure> speedup_figure(const SpeedStudy& study, const std::string& name) {
  const Panels panels = panels_of(study);
  if (panels.empty()) return std::nullopt;
  const bool published = panels.contains(Which::both) && !published_speeds(study.model).empty();
  const auto entries = key_entries(study, panels, published);
  const Axes axes = axes_of(panels);
  const PanelRow row{panels.size(), 62, 58 + 20.0 * static_cast<double>((entries.size() + 2) / 3),
                     200 + 180 / static_cast<double>(panels.size())};
  const Style style(study);
  std::string csv = "theoretical_speedup,speedup,speedup_low,speedup_high,keep,batch,engine,which\n";
  std::string plot =
      fmt::format("set multiplot\nset xrange {}\nset yrange {}\nset xtics {}\nset ytics {}\n", axes.x.text(),
                  axes.y.text(), tic_step(axes.x.size()), tic_step(axes.y.size())) +
      "set format y '%g'\n"
      "set xlabel 'theoretical speedup' offset 0,0.3\nset ylabel 'actual speedup' offset 0.5\n" +
      row.title(study.title() + ": how much of the skipped work becomes time?") +
      key(entries, row.figure_height());
  std::size_t first = 0, drawn = 0;
  for (const auto& [which, curves] : panels) {
    plot += row.place(drawn) + labels(which, axes, row) +
            "plot 1 with lines linecolor rgb '#808080' linewidth 1 notitle, \\\n"
            "  x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle";
    if (published && which == Which::both)
      plot += fmt::format(", \\\n  $published using 1:2 {} notitle", published_style);
    for (const auto& [line, cells] : curves) {
      const std::string rows = fmt::format("data skip 1 every ::{}::{}", first, first + cells.size() - 1);
      plot += fmt::format(", \\\n  {} using 1:3:(0):($4-$3) with vectors nohead {} linewidth 1.2 notitle",
                          rows, style.colour(line)) +
              fmt::format(", \\\n  {} using 1:2 {} notitle", rows, style.curve(line));
      first += cells.size();
      for (const SpeedCell* cell : cells)
        csv += csv_number(cell->theoretical_speedup) + csv_interval(cell->speedup) +
               fmt::format(",{},{},{},{}\n", csv_number(cell->keep), cell->batch, name_of(cell->engine),
                           name_of(cell->which));
    }
    if (drawn++ == 0)
      for (const std::string& entry : entries) plot += ", \\\n  " + entry;
    plot += "\nunset label\nunset key\nunset ylabel\nset format y ''\n";
  }
  return Figure{.name = name,
                .description = "Actual against theoretical speedup of " + study.title() +
                               ", a curve for each engine and batch; on the diagonal all of the skipped work "
                               "becomes time.",
                .width = PanelRow::figure_width,
                .height = row.figure_height(),
                .csv = csv,
                .settings = plot_style() + (published ? published_block(study) : ""),
                .plot = plot + "unset multiplot"};
}

}  // namespace dydit::analysis
