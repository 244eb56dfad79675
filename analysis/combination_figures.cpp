// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "analysis/figures.h"
#include "looks.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr int heading_room = 26, axis_room = 62;  // pixels

double place_of(const SamplingCell& cell, Against against) {
  return against == Against::product ? cell.multiplied.mean : cell.theory;
}

bool drawn(const SamplingCell& cell, Against against) {
  return std::isfinite(place_of(cell, against)) && std::isfinite(cell.speedup.mean);
}

Looks looks_of(const SamplingStudy& study, Against against) {
  Looks looks;
  for (const SamplingCell& cell : study.cells)
    if (drawn(cell, against)) looks.add(cell.variant(), cell.cache);
  return looks;
}

/// A row for each cell; gnuplot draws those that have a place and a speedup.
std::string csv_of(const SamplingStudy& study, Against against, const Looks& looks) {
  std::string csv =
      "place,sampling_speedup,sampling_speedup_low,sampling_speedup_high,colour,symbol,multiplied_speedup,"
      "multiplied_speedup_low,multiplied_speedup_high,multiplied_share,multiplied_share_low,multiplied_share_high,"
      "sampling_theory,image_time,image_time_low,image_time_high,sampling_speedup_own,sampling_speedup_own_low,"
      "sampling_speedup_own_high,sampling_gmacs,sampling_gmacs_guided,blocks_run,passes,full_passes,"
      "activation_memory,cache_memory,engine,which,keep,cache,sampler,steps\n";
  for (const SamplingCell& cell : study.cells)
    csv += csv_line(place_of(cell, against), cell.speedup, looks.colour(cell.variant()), looks.symbol(cell.cache),
                    cell.multiplied, cell.share, cell.theory, cell.time, cell.own_speedup, cell.gmacs,
                    cell.gmacs_guided, cell.blocks_run, cell.passes, cell.full_passes, cell.activation_memory,
                    cell.cache_memory, cell.engine.name, cell.which, cell.keep ? cell.keep->text() : "NaN", cell.cache,
                    cell.sampler, cell.steps);
  return csv;
}

/// Of both axes, so that the diagonal is one; around 1, where the reference is.
Range range_of(const SamplingStudy& study, Against against) {
  Range range{1, 1};
  for (const SamplingCell& cell : study.cells)
    if (drawn(cell, against)) {
      range.include(place_of(cell, against));
      range.include(cell.speedup.mean);
      for (const double bound : {cell.speedup.low, cell.speedup.high})
        if (bound > 0) range.include(bound);
    }
  const double margin = std::max(1.05, std::pow(range.high / range.low, 0.04));
  return {range.low / margin, range.high * margin};
}

}  // namespace

std::optional<Figure> combinations_figure(const SamplingStudy& study, Against against, const std::string& name) {
  const Looks looks = looks_of(study, against);
  if (looks.empty()) return std::nullopt;
  const bool product = against == Against::product;
  const std::string diagonal = product ? "speedups multiply" : "work becomes time";
  auto [titles, entries] = looks.key();
  titles.push_back(diagonal);
  const KeyStrip key(titles, PanelRow::figure_width);
  const Range range = range_of(study, against);
  constexpr int panel_height = 400;
  const int top = heading_room + key.height() - 8, height = top + panel_height + axis_room;
  std::string plot =
      title_above(study.title(), height) + key.set(height, heading_room) +
      panel(1 - 1.0 * top / height, 1.0 * axis_room / height, 0.1, 0.975) +
      fmt::format(
          "set samples 2\nset logscale xy\nset xrange {0}\nset yrange {0}\nset xtics {1}\nset ytics {1}\n"
          "set xlabel '{2}' offset 0,0.3\nset ylabel 'speedup' offset 0.5\n",
          range.text(), log_tics(range), product ? "product of the separate speedups" : "theoretical speedup");
  constexpr const char* dashes = "with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2";
  // Columns of the CSV: 1 place, 2 to 4 the speedup, 5 colour, 6 symbol. Intervals that a symbol would hide are left
  // out.
  plot += fmt::format(
      "plot x {} notitle, \\\n"
      "  data skip 1 using 1:($4 > {:.6g} * $3 ? $3 : NaN):(0):($4-$3):5 with vectors nohead "
      "linecolor variable linewidth 1.2 notitle, \\\n"
      "  data skip 1 using 1:2:6:5 with points pointtype variable pointsize 0.8 linecolor variable "
      "linewidth 1.2 notitle",
      dashes, std::pow(range.high / range.low, 7.0 / panel_height));
  return Figure{.name = name,
                .description = fmt::format("Speedup of whole trajectories against {}, {}.",
                                           product ? "the product of the separate speedups" : "the theoretical one",
                                           study.title()),
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv_of(study, against, looks),
                .settings = plot_style(),
                .plot = plot + entries + fmt::format(", \\\n  keyentry {} title '{}'", dashes, diagonal) +
                        "\nunset label\nunset logscale\nset xtics autofreq\nset ytics autofreq"};
}

namespace {

/// A piece of a stacked bar: the ideal time, what a cause loses, or leads back by where it gains; at the end the
/// measured time, a point.
struct Piece {
  std::string_view name, title;
  double start, end;
  Interval value;
};
using Stack = std::vector<Piece>;

/// First what is lost, in the order of the causes, then what is gained.
Stack bar_of(const SamplingCell& cell) {
  const SamplingWaterfall& waterfall = cell.waterfall.value();
  double at = waterfall.ideal.mean;
  Stack bar{{ideal_bar.name, ideal_bar.label, 0, at, waterfall.ideal}};
  for (std::size_t i = 0; i < sampling_causes.size(); ++i)
    bar.push_back({sampling_causes[i].name, sampling_causes[i].label, 0, 0, waterfall.causes[i]});
  for (const bool gained : {false, true})
    for (Piece& piece : std::span(bar).subspan(1))
      if ((piece.value.mean < 0) == gained) {
        piece.start = at;
        piece.end = at += piece.value.mean;
      }
  bar.push_back({"image_time", "measured", cell.time.mean, cell.time.mean, cell.time});
  return bar;
}

/// As far as anything of it is drawn.
double reach_of(const Stack& bar) {
  Range range{0, 0};
  for (const Piece& piece : bar) range.include(piece.end);
  range.include(bar.back().value);
  return range.high;
}

/// A row for each piece and combination, those of one kind below each other.
std::string csv_of(const std::vector<Stack>& bars, const std::vector<const SamplingCell*>& cells) {
  std::string csv = "row,start,end,half_height,value,value_low,value_high,metric,combination\n";
  for (std::size_t piece = 0; piece < bars.front().size(); ++piece)
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto& [name, title, start, end, value] = bars[i][piece];
      csv += csv_line(cells.size() - 1 - i, start, end, end < start ? 0.1 : 0.22, value, name, cells[i]->name());
    }
  return csv;
}

/// Columns of the CSV: 1 row, 2 start, 3 end, 4 half of the height, 5 to 7 the value. What is gained lies over what is
/// lost.
std::string plot_stacks(const Stack& kinds, std::size_t count) {
  constexpr std::array colours{"#b0b0b0", "#56b4e9", "#e69f00", "#d55e00"};
  std::vector<std::string> parts;
  const auto rows = [&](std::size_t kind) {
    return fmt::format("data skip 1 every ::{}::{}", kind * count, (kind + 1) * count - 1);
  };
  for (const bool gained : {false, true})
    for (std::size_t kind = 0; kind < colours.size(); ++kind)
      parts.push_back(
          fmt::format("{} using ($3 {} $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb "
                      "'{}' fillstyle solid 1 noborder notitle",
                      rows(kind), gained ? "<" : ">=", colours[kind]));
  const std::string measured = rows(colours.size());
  parts.push_back(measured + " using 6:1:($7-$6):(0) with vectors nohead linecolor rgb 'black' linewidth 1.2 notitle");
  const std::string point = "with points pointtype 13 pointsize 1 linecolor rgb 'black'";
  parts.push_back(fmt::format("{} using 5:1 {} notitle", measured, point));
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    parts.push_back(fmt::format("keyentry {} title '{}'",
                                kind == colours.size() ? point
                                                       : fmt::format("with boxes fillcolor rgb '{}' fillstyle solid 1 "
                                                                     "noborder",
                                                                     colours[kind]),
                                kinds[kind].title));
  return fmt::format("plot {}", fmt::join(parts, ", \\\n  "));
}

}  // namespace

std::optional<Figure> sampling_waterfall_figure(const SamplingStudy& study, const std::string& name) {
  const auto cells = shown_combinations(study);
  if (cells.empty()) return std::nullopt;
  std::vector<Stack> bars;
  double longest = 0;
  for (const SamplingCell* cell : cells) {
    bars.push_back(bar_of(*cell));
    longest = std::max(longest, reach_of(bars.back()));
  }
  std::vector<std::string> titles;
  for (const Piece& piece : bars.front()) titles.emplace_back(piece.title);
  const KeyStrip key(titles, PanelRow::figure_width);
  const int top = heading_room + key.height() - 8, height = top + 60 * static_cast<int>(cells.size()) + axis_room;
  const Range axis{0, 1.2 * longest};
  std::string plot = title_above(study.title(), height) + key.set(height, heading_room) +
                     panel(1 - 1.0 * top / height, 1.0 * axis_room / height, 0.025, 0.975) +
                     fmt::format(
                         "unset ytics\nset border 1\nset xrange {}\nset xtics {:.8g}\nset yrange [-0.4:{}.6]\n"
                         "set xlabel 'ms for each image' offset 0,0.3\n",
                         axis.text(), tic_step(axis.size() / 2), cells.size() - 1);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t row = cells.size() - 1 - i;
    plot += fmt::format("set label {} at graph 0.005,first {}.42 left font ',12'\n", gnuplot_string(cells[i]->name()),
                        row) +
            fmt::format("set label '{} ms' at first {:.8g},first {} left offset 0.8,0 font ',12'\n",
                        number(cells[i]->time.mean), reach_of(bars[i]), row);
  }
  return Figure{
      .name = name,
      .description = "What takes the time of combinations, stacked on their ideal time: " + study.title() + ".",
      .width = PanelRow::figure_width,
      .height = height,
      .csv = csv_of(bars, cells),
      .settings = plot_style(),
      .plot = plot + plot_stacks(bars.front(), cells.size()) + "\nunset label"};
}

}  // namespace dydit::analysis
