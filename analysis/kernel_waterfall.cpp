// SPDX-License-Identifier: Apache-2.0
// From the time of the complete model to that of a cell, range by range.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "analysis/range_changes.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr int row_height = 40, heading_above = 26, axis_below = 62;  // pixels

/// What a stretch of a bar is; the first four are the causes.
struct Stretch {
  std::string_view name, colour;
};
constexpr std::array stretches{
    Stretch{name_of(Cause::new_kernel), "d55e00"},  Stretch{name_of(Cause::gap), "e69f00"},
    Stretch{name_of(Cause::shrank_less), "cc79a7"}, Stretch{name_of(Cause::gained), "009e73"},
    Stretch{"saved at the MACs' ratio", "9fb4c0"},  Stretch{"remainder", "707070"}};
constexpr std::size_t gained_stretch = 3, saved_stretch = 4, remainder_stretch = 5, no_stretch = stretches.size();

/// A rectangle of the figure: part of a bar, or a total, a point.
struct Box {
  std::size_t row, stretch;
  double start, end;
  const ProfileBar* bar;

  double half_height() const { return stretch == gained_stretch ? 0.07 : 0.19; }
};

/// The bars of a waterfall from above, and the boxes that they consist of: what is lost, and back from there in a
/// narrower box what is gained.
class Rows {
 public:
  explicit Rows(const ProfileWaterfall& waterfall) {
    add(waterfall.complete, no_stretch);
    add(waterfall.saved, saved_stretch);
    for (const ProfileBar& bar : waterfall.ranges) add_range(bar);
    if (waterfall.others) add_range(*waterfall.others);
    add(waterfall.remainder, remainder_stretch);
    add(waterfall.cell, no_stretch);
  }

  const std::vector<const ProfileBar*>& bars() const { return bars_; }
  const std::vector<Box>& boxes() const { return boxes_; }
  bool total(std::size_t row) const { return row == 0 || row + 1 == bars_.size(); }
  double right(std::size_t row) const {  // of all that is drawn there
    double most = -HUGE_VAL;
    for (const Box& box : boxes_)
      if (box.row == row) most = std::max({most, box.start, box.end});
    return most;
  }
  /// What is above the MACs' ratio fills the axis; the complete model's time can lie beyond it.
  Range axis() const {
    Range range{bars_[1]->end, bars_[1]->end};
    for (const Box& box : boxes_)
      if (box.row > 1) {
        range.include(box.start);
        range.include(box.end);
      }
    const double size = std::max(range.size(), 1e-3 * range.high);
    return {range.low - 0.06 * size, range.high + 0.3 * size};
  }

 private:
  void add(const ProfileBar& bar, std::size_t stretch) {
    boxes_.push_back({bars_.size(), stretch, bar.start, bar.end, &bar});
    bars_.push_back(&bar);
  }

  void add_range(const ProfileBar& bar) {
    double at = bar.start;
    for (std::size_t i = 0; i < bar.causes.size(); ++i) {
      if (bar.causes[i] == 0) continue;
      boxes_.push_back({bars_.size(), i, at, at + bar.causes[i], &bar});
      at = boxes_.back().end;
    }
    bars_.push_back(&bar);
  }

  std::vector<const ProfileBar*> bars_;
  std::vector<Box> boxes_;
};

std::string csv_of(const Rows& rows) {
  std::string csv = "row,start,end,top,bottom,colour,ms,kind,bar,behind\n";
  for (const Box& box : rows.boxes()) {
    const bool total = box.stretch == no_stretch;
    const auto row = static_cast<double>(box.row);
    csv += csv_line(row, box.start, box.end, row - box.half_height(), row + box.half_height(),
                    total ? 0 : std::stoul(std::string(stretches[box.stretch].colour), nullptr, 16),
                    total ? box.end : box.end - box.start, total ? "total" : stretches[box.stretch].name,
                    box.bar->label, fmt::format("{}", fmt::join(box.bar->behind, "; ")));
  }
  return csv;
}

/// The ms of a bar on its right, or at the right edge where it goes on beyond.
std::string value_label(const Rows& rows, std::size_t row, const Range& axis) {
  const ProfileBar& bar = *rows.bars()[row];
  const std::string value = rows.total(row) ? number(bar.end) + " ms" : signed_number(bar.change());
  return rows.right(row) > axis.low + 0.92 * axis.size()
             ? fmt::format("set label '{} →' at graph 0.995,first {} right front font ',12'\n", value, row)
             : fmt::format("set label '{}' at first {:.8g},first {} left offset 0.8,0 font ',12'\n", value,
                           rows.right(row), row);
}

/// On the left the names of the bars, above each of them, in small letters, the kernels behind it.
std::string labels_of(const Rows& rows, const Range& axis) {
  constexpr std::size_t name_letters = 25, behind_letters = 94;
  std::vector<std::string> tics;
  std::string labels = "set style textbox opaque noborder margins 0.3,0.1\n";
  for (std::size_t row = 0; row < rows.bars().size(); ++row) {
    const ProfileBar& bar = *rows.bars()[row];
    tics.push_back(fmt::format("{} {}", gnuplot_string(cut(bar.label, name_letters)), row));
    labels += value_label(rows, row, axis);
    if (!bar.behind.empty())
      labels +=
          fmt::format("set label {} at graph 0.995,first {:.2f} right front boxed font ',10' textcolor rgb '#505050'\n",
                      gnuplot_string(cut(fmt::format("{}", fmt::join(bar.behind, ";  ")), behind_letters)),
                      static_cast<double>(row) - 0.42);
  }
  return fmt::format("set ytics ({}) font ',12'\n", fmt::join(tics, ", ")) + labels;
}

/// Thin lines lead from the end of a bar to the next one.
std::string leads_of(const Rows& rows, const Range& axis) {
  std::string arrows;
  for (std::size_t row = rows.bars().front()->end > axis.high ? 1 : 0; row + 1 < rows.bars().size(); ++row)
    arrows += fmt::format(
        "set arrow from first {0:.8g},first {1} to first {0:.8g},first {2} nohead back linecolor rgb '#909090' "
        "linewidth 0.8\n",
        rows.bars()[row]->end, row, row + 1);
  return arrows;
}

std::vector<std::size_t> used_stretches(const Rows& rows) {
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < stretches.size(); ++i)
    if (std::ranges::any_of(rows.boxes(), [&](const Box& box) { return box.stretch == i && box.start != box.end; }))
      used.push_back(i);
  return used;
}

}  // namespace

std::optional<Figure> profile_waterfall_figure(const ProfileStudy& study, const ProfileCell& cell,
                                               const std::string& name) {
  const ProfileCell* complete = study.complete();
  if (complete == nullptr || complete == &cell) return std::nullopt;
  const auto waterfall = waterfall_of(*complete, cell);
  if (!waterfall) return std::nullopt;
  const Rows rows(*waterfall);
  std::vector<std::string> titles;
  std::string entries;
  for (const std::size_t i : used_stretches(rows)) {
    titles.emplace_back(stretches[i].name);
    entries += fmt::format(", \\\n  keyentry with boxes fillcolor rgb '#{}' fillstyle solid 1 noborder title {}",
                           stretches[i].colour, gnuplot_string(stretches[i].name));
  }
  const KeyStrip key(titles, PanelRow::figure_width);
  const int top = heading_above + key.height() - 8,
            height = top + row_height * static_cast<int>(rows.bars().size()) + axis_below;
  const Range axis = rows.axis();
  const std::string plot =
      title_above(study.title() + ": " + cell.name(), height) + key.set(height, heading_above) +
      panel(1 - 1.0 * top / height, 1.0 * axis_below / height, 0.225, 0.975) +
      fmt::format(
          "set border 1\nset xrange {}\nset xtics {:.8g}\nset yrange [{}.5:-0.5]\n"
          "set xlabel 'ms of a pass with collectors, mean' offset 0,0.3\n",
          axis.text(), tic_step(axis.size() / 1.6), rows.bars().size() - 1) +
      labels_of(rows, axis) + leads_of(rows, axis) +
      "plot data skip 1 using (strcol(8) eq 'total' ? NaN : $3):1:2:3:4:5:6 with boxxyerror fillcolor rgb variable "
      "fillstyle solid 1 noborder notitle, \\\n  data skip 1 using (strcol(8) eq 'total' ? $3 : NaN):1 with points "
      "pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle" +
      entries + "\nunset label\nunset arrow";
  return Figure{.name = name,
                .description = "From the time of the complete model to that of " + cell.name() +
                               ", range by range, with the kernels behind: " + study.title() + ".",
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv_of(rows),
                .settings = plot_style(),
                .plot = plot};
}

}  // namespace dydit::analysis
