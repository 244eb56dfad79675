// SPDX-License-Identifier: Apache-2.0
#include "analysis/costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/tiles.h"
#include "cells.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

using record::Record;
using record::Run;

namespace {

constexpr std::array<std::string_view, 4> cost_axes{"engine", "batch", "unit", "on"};

CostCell cost_of(const Record& record, const std::map<std::string, Engine>& engines) {
  CostCell cell{.engine = engine_of(record, engines),
                .batch = axis(record, "batch"),
                .unit = needed_axis(record, "unit"),
                .on = axis(record, "on"),
                .time = positive(record, "block_time"),
                .macs = at_least_zero(record, "lambda_realised")};
  constexpr double least = 1e-9, most = 1e9;  // ms that a figure can show
  if (!(cell.time.mean > least && cell.time.mean < most) || !(cell.macs > 0 && cell.macs <= 1))
    refuse(record, "has no time of a block, or no share of its MACs");
  return cell;
}

auto place_of_cost(const CostCell& cell) { return std::tuple(cell.engine, -cell.batch, cell.unit, cell.on); }

const std::vector<std::string> key_of_costs{"as its MACs", "measured", "one more is free"};

std::string panel_of(const CostCurve& curve, std::size_t first, bool with_key) {
  const std::string rows = fmt::format("data skip 1 every ::{}::{}", first, first + curve.cells.size() - 1);
  const auto title = [&](const std::string& text) { return with_key ? "title " + gnuplot_string(text) : "notitle"; };
  return fmt::format(
      "set xlabel {} offset 0,0.3\n"
      "plot {} using 2:6 with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 {}, \\\n"
      "  {} using 2:3 with fsteps linetype 2 linewidth 1.5 notitle, \\\n"
      "  {} using 2:4:(0):($5-$4) with vectors nohead linetype 2 linewidth 1.2 notitle, \\\n"
      "  {} using 2:3 with points linetype 2 pointsize 0.6 {}, \\\n"
      "  {} using 2:($7>$2?$3:NaN) with points linetype 1 pointtype 6 pointsize 1.1 linewidth 1.5 {}\n",
      gnuplot_string(curve.label + " on"), rows, title(key_of_costs[0]), rows, rows, rows, title(key_of_costs[1]), rows,
      title(key_of_costs[2]));
}

Figure costs_figure(const CostStudy& study, std::span<const CostCurve> curves, const std::string& name) {
  const CostCell& of = curves.front().cells.front();
  constexpr int title_line = 24;
  const KeyStrip key(key_of_costs, PanelRow::figure_width);
  const PanelRow row{curves.size(), 62, static_cast<double>(title_line + key.height()),
                     200 + 60 / static_cast<double>(curves.size())};
  Range y{0, 0};
  for (const CostCurve& curve : curves)
    for (const CostCell& cell : curve.cells) y.include(cell.time.mean);
  y.high *= 1.06;
  const std::string title = fmt::format("{}: {}, batch {}", study.title(), of.engine.name, of.batch);
  std::string csv = "unit,on,block_ms,low,high,macs_line_ms,tile_top\n";
  std::string plot =
      fmt::format("set multiplot\nset yrange {}\nset ytics {}\nset format y '%g'\n", y.text(), tic_step(y.size())) +
      "set ylabel 'ms of a block' offset 0.5\n" + row.title(title) + key.set(row.figure_height(), title_line);
  std::size_t first = 0;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const CostCurve& curve = curves[i];
    const Range x{0, std::max(1.0, static_cast<double>(curve.cells.back().on))};
    plot += row.place(i) + fmt::format("set xrange [0:{:.8g}]\nset xtics {}\n", 1.04 * x.high, tic_step(x.size())) +
            panel_of(curve, first, i == 0) + "unset key\nunset label\nunset ylabel\nset format y ''\n";
    first += curve.cells.size();
    for (std::size_t k = 0; k < curve.cells.size(); ++k) {
      const CostCell& cell = curve.cells[k];
      csv += csv_line(cell.unit, cell.on, cell.time, curve.line(cell), curve.cells[curve.tops[k]].on);
    }
  }
  return {.name = name,
          .description = "Time of one block of " + study.title() + " in " + of.engine.name +
                         " by how many units of an axis are on, in steps, beside the line of its MACs.",
          .width = PanelRow::figure_width,
          .height = row.figure_height(),
          .csv = csv,
          .settings = plot_style(),
          .plot = plot + "unset multiplot"};
}

}  // namespace

std::size_t CostCurve::free_steps() const {
  std::size_t free = 0;
  for (std::size_t i = 0; i < tops.size(); ++i) free += tops[i] > i ? 1 : 0;
  return free;
}

std::vector<CostStudy> cost_studies(std::span<const Run> runs) {
  return studies_of<CostStudy>(runs, "costs", cost_axes, cost_of, place_of_cost);
}

std::vector<std::vector<CostCurve>> cost_curves(const CostStudy& study, const std::vector<UnitAxis>& units) {
  std::vector<std::vector<CostCurve>> groups;
  const auto group_of = [](const CostCell& cell) { return std::tuple(cell.engine, cell.batch); };
  for (std::size_t first = 0, last = 0; first < study.cells.size(); first = last) {
    const CostCell& of = study.cells[first];
    while (last < study.cells.size() && group_of(study.cells[last]) == group_of(of) &&
           study.cells[last].unit == of.unit)
      ++last;
    const auto cells = std::span(study.cells).subspan(first, last - first);
    std::vector<double> times;
    for (const CostCell& cell : cells) times.push_back(cell.time.mean);
    const auto named = std::ranges::find(units, of.unit, &UnitAxis::name);
    if (groups.empty() || group_of(groups.back().front().cells.front()) != group_of(of)) groups.emplace_back();
    groups.back().push_back({named == units.end() ? of.unit : named->label, cells, tile_tops(times)});
  }
  // In the order in which a model has its axes.
  for (auto& curves : groups)
    std::ranges::stable_sort(curves, {}, [&](const CostCurve& curve) {
      return std::ranges::find(units, curve.cells.front().unit, &UnitAxis::name) - units.begin();
    });
  return groups;
}

std::vector<Figure> costs_figures(const CostStudy& study, const std::vector<CostCurve>& curves,
                                  const std::string& name) {
  return PanelRow::figures(curves, name,
                           [&](auto panels, const std::string& its) { return costs_figure(study, panels, its); });
}

}  // namespace dydit::analysis
