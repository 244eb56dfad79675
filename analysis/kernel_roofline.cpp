// SPDX-License-Identifier: Apache-2.0
// The roofline of a profile (Williams, Waterman and Patterson 2009), in multiply-accumulates.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr int roofline_panel = 330, roofline_heading = 26, roofline_axis = 62;  // pixels
constexpr double names_from = 0.76;  // of the panel's width, on the right of all points
constexpr const char* roof_line = "with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2";
constexpr const char* drawn_points = "with points pointtype 7 pointsize variable linecolor variable notitle";

/// A row as the roofline draws it; a row without MACs has an intensity and a rate of 0.
struct Point {
  const ProfileCell* cell;
  const KernelRow* row;
  double share;  // of the time of the cell's rows

  double intensity() const { return 1e3 * row->gmacs / row->bytes; }  // MACs per byte
  double bandwidth() const { return row->bytes / row->time; }         // GB/s
  bool products() const { return row->gmacs > 0 && row->bytes > 0; }
};

/// Of kernels with so much of the time: smaller ones would hide the others.
constexpr double least_point = 0.001;

std::vector<Point> points_of(const std::vector<const ProfileCell*>& cells) {
  std::vector<Point> points;
  for (const ProfileCell* cell : cells) {
    double whole = 0;
    for (const KernelRow& row : cell->rows)
      if (std::isfinite(row.time)) whole += row.time;
    for (const KernelRow& row : cell->rows)
      if (!row.gap() && row.time > 0 && row.time >= least_point * whole && row.bytes > 0 && row.gmacs >= 0)
        points.push_back({cell, &row, row.time / whole});
  }
  return points;
}

/// The complete model has another colour, where it is beside a cell.
int colour_of(const ProfileCell& cell, const std::vector<const ProfileCell*>& cells) {
  return cell.complete() && cells.size() > 1 ? 2 : 1;
}

std::string csv_of(const std::vector<Point>& points, const std::vector<const ProfileCell*>& cells) {
  std::string csv =
      "macs_per_byte,gmacs_per_second,gb_per_second,size,colour,time_percent,kernel_time,range,kernel,cell\n";
  for (const Point& point : points)
    csv += csv_line(point.products() ? point.intensity() : missing, point.products() ? point.row->rate() : missing,
                    point.products() ? missing : point.bandwidth(), 0.4 + 4 * std::sqrt(point.share),
                    colour_of(*point.cell, cells), 100 * point.share, point.row->time, point.row->range,
                    short_kernel(point.row->kernel), point.cell->name());
  return csv;
}

/// As far as the two panels reach: intensity and rate of products, bandwidth and share of the time of the others.
struct Reach {
  Range intensity, rate, bandwidth;
  double longest = 0.1;  // percent of the time
};

Reach reach_of(const std::vector<Point>& points, const ProfileCell& cell) {
  const double products = cell.product_ceiling, copies = cell.copy_ceiling, ridge = products / copies;
  Reach reach{{ridge, ridge}, {products, products}, {copies, copies}};
  for (const Point& point : points)
    if (point.products()) {
      reach.intensity.include(point.intensity());
      reach.rate.include(point.row->rate());
    } else {
      reach.bandwidth.include(point.bandwidth());
      reach.longest = std::max(reach.longest, 100 * point.share);
    }
  for (Range* range : {&reach.intensity, &reach.rate, &reach.bandwidth}) *range = {range->low / 1.6, range->high * 1.6};
  Range& x = reach.intensity;
  x.high = x.low * std::pow(x.high / x.low, 1 / names_from);  // room for the names
  return reach;
}

/// A point's name in the column on the right, `up` pixels above the axis.
struct Name {
  std::string text;
  const Point* point;
  double up;
};

/// The points that take most of the asked cell's time, from above.
std::vector<Name> named_points(const std::vector<Point>& points, const ProfileCell& cell, const Range& rates) {
  constexpr std::size_t most = 10;
  std::vector<Name> names;
  for (const Point& point : points) {  // the longest first
    if (point.cell != &cell || !point.products() || point.share < 0.01 || names.size() == most) continue;
    const std::string range = point.row->range.substr(point.row->range.rfind('/') + 1);
    names.push_back(
        {range, &point, roofline_panel * std::log(point.row->rate() / rates.low) / std::log(rates.high / rates.low)});
  }
  for (Name& name : names)  // of two kernels in one range the range does not tell
    if (name.text.empty() ||
        std::ranges::count(names, name.point->row->range, [](const Name& one) { return one.point->row->range; }) > 1)
      name.text = short_kernel(name.point->row->kernel);
  std::ranges::stable_sort(names, std::greater(), &Name::up);
  return names;
}

/// Moves names from where their points are so far apart that they can be read, below the roof where there is room.
void keep_apart(std::vector<Name>& names, double roof) {
  constexpr double line = 15, lowest = 10, highest = roofline_panel - 6;
  const double needed = line * static_cast<double>(names.size());
  double above = std::min(highest, roof - 10) - lowest >= needed ? std::min(highest, roof - 10) : highest;
  for (Name& name : names) {
    name.up = std::min(name.up, above);
    above = name.up - line;
  }
  double below = lowest;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    name->up = std::max(name->up, below);
    below = name->up + line;
  }
}

std::string labels_of(const std::vector<Name>& names) {
  std::string labels;
  for (const auto& [text, point, up] : names)
    labels += fmt::format(
        "set label {0} at graph {1},graph {2:.4f} left front font ',10'\n"
        "set arrow from first {3:.8g},first {4:.8g} to graph {5},graph {2:.4f} nohead front linecolor rgb '#707070' "
        "linewidth 0.6\n",
        gnuplot_string(cut(text, 17)), names_from + 0.01, up / roofline_panel, point->intensity(), point->row->rate(),
        names_from);
  return labels;
}

/// The panel of products: points below the roof, and the key of both panels.
std::string products_panel(const Reach& reach, const ProfileCell& cell, const std::string& labels,
                           const std::string& entries) {
  return fmt::format(
             "set xrange {}\nset xtics {}\nset yrange {}\nset ytics {}\n"
             "set xlabel 'MACs per byte' offset 0,0.3\nset ylabel 'GMAC/s' offset 0.5\n",
             reach.intensity.text(), log_tics(reach.intensity), reach.rate.text(), log_tics(reach.rate)) +
         labels +
         fmt::format(
             "plot ({0:.8g}*x < {1:.8g} ? {0:.8g}*x : {1:.8g}) {2} notitle, \\\n  data skip 1 using 1:2:4:5 {3}{4}"
             ", \\\n  keyentry {2} title 'ceilings'\nunset label\nunset arrow\nunset key\n",
             cell.copy_ceiling, cell.product_ceiling, roof_line, drawn_points, entries);
}

/// The panel at the side, of rows without MACs.
std::string memory_panel(const Reach& reach, const ProfileCell& cell) {
  return fmt::format(
      "unset logscale x\nset xrange [0:{:.8g}]\nset xtics {:.8g}\nset yrange {}\nset ytics {}\n"
      "set xlabel 'no MACs: % of time' offset 0,0.3\nset ylabel 'GB/s' offset 1\n"
      "plot {:.8g} {} notitle, \\\n  data skip 1 using 6:3:4:5 {}\n",
      1.1 * reach.longest, tic_step(reach.longest), reach.bandwidth.text(), log_tics(reach.bandwidth),
      cell.copy_ceiling, roof_line, drawn_points);
}

}  // namespace

std::optional<Figure> roofline_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name) {
  std::vector<const ProfileCell*> cells;
  if (const ProfileCell* complete = study.complete(); complete != nullptr && complete != &cell)
    cells.push_back(complete);
  cells.push_back(&cell);
  const auto points = points_of(cells);
  if (points.empty() || !std::isfinite(cell.product_ceiling) || !std::isfinite(cell.copy_ceiling)) return std::nullopt;
  const Reach reach = reach_of(points, cell);
  auto names = named_points(points, cell, reach.rate);
  keep_apart(names, roofline_panel * std::log(cell.product_ceiling / reach.rate.low) /
                        std::log(reach.rate.high / reach.rate.low));
  std::vector<std::string> titles;
  std::string entries;
  for (const ProfileCell* one : cells) {
    titles.push_back(one->name());
    entries += fmt::format(", \\\n  keyentry with points linetype {} pointtype 7 pointsize 0.9 title {}",
                           colour_of(*one, cells), gnuplot_string(titles.back()));
  }
  titles.emplace_back("ceilings");
  const KeyStrip key(titles, PanelRow::figure_width);
  const int top = roofline_heading + key.height() - 8, height = top + roofline_panel + roofline_axis;
  const auto place = [&](double left, double right) {
    return panel(1 - 1.0 * top / height, 1.0 * roofline_axis / height, left, right);
  };
  return Figure{
      .name = name,
      .description =
          "Rates of kernels against their MACs per byte, under the ceilings of the run: " + study.title() + ".",
      .width = PanelRow::figure_width,
      .height = height,
      .csv = csv_of(points, cells),
      .settings = plot_style(),
      .plot = "set multiplot\nset logscale xy\nset format xy '%g'\nset samples 300\n" +
              title_above(study.title(), height) + key.set(height, roofline_heading) + place(0.1, 0.7) +
              products_panel(reach, cell, labels_of(names), entries) + place(0.81, 0.98) + memory_panel(reach, cell) +
              "unset multiplot\nunset logscale\nset format xy\nset xtics autofreq\nset ytics autofreq"};
}

}  // namespace dydit::analysis
