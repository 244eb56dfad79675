// SPDX-License-Identifier: Apache-2.0
// The roofline and the opportunities of a profile.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "kernel_colours.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// A row as the roofline draws it; a row without MACs has an intensity and a rate of 0.
struct Point {
  const ProfileCell* cell;
  const KernelRow* row;
  double share;  // of the time of the cell's rows

  double intensity() const { return 1e3 * row->gmacs / row->bytes; }  // MACs per byte
  double bandwidth() const { return row->bytes / row->time; }         // GB/s
  bool products() const { return row->gmacs > 0 && row->bytes > 0; }
};

std::vector<Point> points_of(const std::vector<const ProfileCell*>& cells) {
  std::vector<Point> points;
  for (const ProfileCell* cell : cells) {
    double whole = 0;
    for (const KernelRow& row : cell->rows)
      if (std::isfinite(row.time)) whole += row.time;
    for (const KernelRow& row : cell->rows)
      if (!row.gap() && row.time > 0 && row.bytes > 0 && row.gmacs >= 0)
        points.push_back({cell, &row, row.time / whole});
  }
  return points;
}

std::string csv_of(const std::vector<Point>& points, const std::vector<const ProfileCell*>& cells) {
  std::string csv =
      "macs_per_byte,gmacs_per_second,gb_per_second,size,colour,time_percent,kernel_time,range,kernel,cell\n";
  for (const Point& point : points)
    csv += csv_line(point.products() ? point.intensity() : missing, point.products() ? point.row->rate() : missing,
                    point.products() ? missing : point.bandwidth(), 0.4 + 4 * std::sqrt(point.share),
                    point.cell->complete() && cells.size() > 1 ? 2 : 1, 100 * point.share, point.row->time,
                    point.row->range, short_kernel(point.row->kernel), point.cell->name());
  return csv;
}

/// Names at the points that take most of the asked cell's time, where they do not lie over one another.
std::string names_of(const std::vector<Point>& points, const ProfileCell& cell, const Range& x, const Range& y) {
  constexpr double height = 330, width = 440, near_up = 13, near_across = 90;  // pixels
  std::vector<std::pair<double, double>> taken;
  std::string labels;
  for (const Point& point : points) {  // the longest first
    if (point.cell != &cell || !point.products() || point.share < 0.01) continue;
    const double across = width * std::log(point.intensity() / x.low) / std::log(x.high / x.low),
                 up = height * std::log(point.row->rate() / y.low) / std::log(y.high / y.low);
    if (std::ranges::any_of(taken, [&](const auto& one) {
          return std::abs(one.first - across) < near_across && std::abs(one.second - up) < near_up;
        }))
      continue;
    taken.emplace_back(across, up);
    const std::string range = point.row->range.substr(point.row->range.rfind('/') + 1);
    labels += fmt::format("set label {} at {:.8g},{:.8g} right offset -2,0.3 font ',10' front\n",
                          gnuplot_string(cut(range.empty() ? short_kernel(point.row->kernel) : range, 20)),
                          point.intensity(), point.row->rate());
    if (taken.size() == 8) break;
  }
  return labels;
}

Range widened(const Range& range) { return {range.low / 1.6, range.high * 1.6}; }

std::string title_of_profile(const ProfileStudy& study, const std::string& what, int height) {
  return fmt::format("set label {} at screen 0.5,{:.6f} center\n", gnuplot_string(study.title() + what),
                     1 - 14.0 / height);
}

}  // namespace

std::optional<Figure> roofline_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name) {
  std::vector<const ProfileCell*> cells;
  if (const ProfileCell* complete = study.complete(); complete != nullptr && complete != &cell)
    cells.push_back(complete);
  cells.push_back(&cell);
  const auto points = points_of(cells);
  const double products = cell.product_ceiling, copies = cell.copy_ceiling;
  if (points.empty() || !std::isfinite(products) || !std::isfinite(copies)) return std::nullopt;
  Range x{products / copies, products / copies}, y{products, products}, side{copies, copies};
  for (const Point& point : points)
    if (point.products()) {
      x.include(point.intensity());
      y.include(point.row->rate());
    } else {
      side.include(point.bandwidth());
    }
  double longest = 0.1;  // percent of the time
  for (const Point& point : points)
    if (!point.products()) longest = std::max(longest, 100 * point.share);
  x = widened(x), y = widened(y), side = widened(side);
  std::vector<std::string> titles;
  for (const ProfileCell* one : cells) titles.push_back(one->name());
  titles.insert(titles.end(), {"ceilings"});
  const KeyStrip key(titles, PanelRow::figure_width);
  constexpr int panel_height = 330, heading = 26, axis = 62;
  const int top = heading + key.height() - 8, height = top + panel_height + axis;
  constexpr const char* roof = "with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2";
  std::string entries;
  for (std::size_t i = 0; i < cells.size(); ++i)
    entries += fmt::format(", \\\n  keyentry with points linetype {} pointtype 7 pointsize 0.9 title {}",
                           cells[i]->complete() && cells.size() > 1 ? 2 : 1, gnuplot_string(titles[i]));
  const auto place = [&](double left, double right) {
    return panel(1 - 1.0 * top / height, 1.0 * axis / height, left, right);
  };
  constexpr const char* drawn = "with points pointtype 7 pointsize variable linecolor variable notitle";
  const std::string plot =
      "set multiplot\nset logscale xy\nset format xy '%g'\nset samples 300\n" + title_of_profile(study, "", height) +
      key.set(height, heading) + place(0.1, 0.7) +
      fmt::format(
          "set xrange {}\nset yrange {}\nset xlabel 'MACs per byte' offset 0,0.3\nset ylabel 'GMAC/s' offset 0.5\n",
          x.text(), y.text()) +
      names_of(points, cell, x, y) +
      fmt::format(
          "plot ({0:.8g}*x < {1:.8g} ? {0:.8g}*x : {1:.8g}) {2} notitle, \\\n  data skip 1 using 1:2:4:5 {3}{4}",
          copies, products, roof, drawn, entries) +
      fmt::format(", \\\n  keyentry {} title 'ceilings'\n", roof) + "unset label\nunset key\nunset logscale x\n" +
      place(0.81, 0.98) +
      fmt::format(
          "set xrange [0:{:.8g}]\nset xtics {:.8g}\nset yrange {}\nset xlabel 'no MACs: % of time' offset 0,0.3\n"
          "set ylabel 'GB/s' offset 1\n"
          "plot {:.8g} {} notitle, \\\n  data skip 1 using 6:3:4:5 {}\n",
          1.1 * longest, tic_step(longest), side.text(), copies, roof, drawn) +
      "unset multiplot\nunset logscale\nset format xy";
  return Figure{.name = name,
                .description = "Rates of kernels against their MACs per byte, under the ceilings of the run: " +
                               study.title() + ".",
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv_of(points, cells),
                .settings = plot_style(),
                .plot = plot};
}

std::optional<Figure> opportunities_figure(const ProfileStudy& study, const ProfileCell& cell,
                                           const std::string& name) {
  const auto all = cell.opportunities();
  if (all.empty()) return std::nullopt;
  std::array<bool, kernel_colours.size()> used{};
  std::string csv = "row,start,end,low,high,colour,excess,time,kind,range,kernel\n", labels;
  const double longest = all.front().excess;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Opportunity& one = all[i];
    const std::size_t colour = colour_of(one.kernel, one.limit);
    used[colour] = true;
    csv += csv_line(static_cast<double>(i), 0, one.excess, static_cast<double>(i) - 0.1, static_cast<double>(i) + 0.32,
                    number_of(kernel_colours[colour]), one.excess, one.time, kernel_colours[colour].name, one.range,
                    one.kernel);
    labels += fmt::format("set label {} at graph 0.005,first {} left font ',12'\n",
                          gnuplot_string(cut(short_range(one.range), 44) + ": " + cut(one.kernel, 40)),
                          fmt::format("{:.2f}", static_cast<double>(i) - 0.3)) +
              fmt::format("set label '{} ms' at first {:.8g},first {}.11 left offset 0.8,0 font ',12'\n",
                          number(one.excess), one.excess, i);
  }
  const KeyStrip key(colour_names(used), PanelRow::figure_width);
  constexpr int heading = 26, axis = 62;
  const int top = heading + key.height() - 8, height = top + 42 * static_cast<int>(all.size()) + axis;
  const std::string plot =
      title_of_profile(study, ": " + cell.name(), height) + key.set(height, heading) +
      panel(1 - 1.0 * top / height, 1.0 * axis / height, 0.025, 0.975) +
      fmt::format(
          "unset ytics\nset border 1\nset xrange [0:{:.8g}]\nset xtics {:.8g}\nset yrange [{}.5:-0.6]\n"
          "set xlabel 'ms of a pass above the bound; of a gap all of it' offset 0,0.3\n",
          1.15 * longest, tic_step(longest / 2), all.size() - 1) +
      labels +
      "plot data skip 1 using 3:1:2:3:4:5:6 with boxxyerror fillcolor rgb variable fillstyle solid 1 noborder notitle" +
      colour_key(used) + "\nunset label";
  return Figure{.name = name,
                .description = "What the ten largest opportunities could give back of a pass: " + study.title() + ".",
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv,
                .settings = plot_style(),
                .plot = plot};
}

}  // namespace dydit::analysis
