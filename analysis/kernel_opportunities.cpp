// SPDX-License-Identifier: Apache-2.0
// The opportunities of a profile.
#include <fmt/format.h>

#include "analysis/figures.h"
#include "kernel_colours.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

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
      title_above(study.title() + ": " + cell.name(), height) + key.set(height, heading) +
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
