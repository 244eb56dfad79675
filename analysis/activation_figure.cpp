// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "analysis/figures.h"
#include "plot_style.h"
#include "record/record.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// Every so many timesteps that four or five are named.
std::string timestep_tics(const Activation& a) {
  const std::size_t every = std::max<std::size_t>(1, (a.timesteps.size() + 4) / 5);
  std::string tics;
  for (std::size_t k = 0; k < a.timesteps.size(); k += every)
    tics += fmt::format("{}'{}' {}", tics.empty() ? "" : ", ", time_text(a.timesteps[k], 2), k);
  return tics;
}

/// Blocks that an axis does not have are grey.
std::string no_such_blocks(const Activation& a, const UnitShares& units) {
  const auto layers = static_cast<std::size_t>(units.shares.cols());
  if (layers == a.depth) return "";
  return fmt::format(
      "set object 1 rectangle from -0.5,{}-0.5 to K-0.5,B-0.5 front fillstyle solid 1 noborder fillcolor rgb "
      "'#d0d0d0'\n",
      layers);
}

}  // namespace

Figure activation_figure(const Activation& a, const Process& process) {
  std::vector<std::string> entries{"all MACs (λ)"}, labels;
  for (const UnitShares& units : a.units) labels.push_back(units.axis.label);
  entries.insert(entries.end(), labels.begin(), labels.end());
  const KeyStrip key(entries, 760);
  // Rows of up to three maps, one for each axis of units; below them their key and the totals.
  constexpr int width = 760, maps_top = 34, maps_height = 190, maps_pitch = 284, left = 62, across_all = 583,
                gap = 14;
  const int columns = std::clamp(static_cast<int>(a.units.size()), 1, 3),
            rows = (static_cast<int>(a.units.size()) + columns - 1) / columns,
            panel_width = (across_all - gap * (columns - 1)) / columns;
  const int key_top = rows * maps_pitch, lines_top = key_top + key.height(), height = lines_top + 300;
  const auto down = [&](int pixels) { return 1 - static_cast<double>(pixels) / height; };
  const auto across = [&](int pixels) { return static_cast<double>(pixels) / width; };
  std::string plot = fmt::format(
      "set multiplot\nset xrange [-0.5:K-0.5]\nset yrange [-0.5:B-0.5]\nset cbrange [0:1]\nunset grid\nset "
      "tics out\nset style fill solid\n"
      "set xtics ({})\nset ytics {}\nset xlabel '{}' offset 0,0.4\nunset key\n"
      "set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')\n"
      "set colorbox user origin {:.4f},{:.4f} size {:.4f},{:.4f}\nset cbtics ('none on' 0, 'half' 0.5, 'all "
      "on' 1) scale 0\n",
      timestep_tics(a),
      a.depth > 12  ? 4
      : a.depth > 6 ? 2
                    : 1,
      process.axis, across(672), down(maps_top + maps_height), across(12),
      static_cast<double>(maps_height) / height);
  int place = 0, field = 4;
  std::string lines;
  for (const UnitShares& units : a.units) {
    const int column = place % columns, from = left + column * (panel_width + gap),
              top = maps_top + place / columns * maps_pitch;
    plot += panel(down(top), down(top + maps_height), across(from), across(from + panel_width));
    plot += "set title " + gnuplot_string(units.axis.label) + " offset 0,-0.6\n";
    plot +=
        column == 0 ? "set ylabel 'block' offset 0\nset format y '%g'\n" : "unset ylabel\nset format y ''\n";
    if (place > 0) plot += "unset colorbox\n";
    const std::string grey = no_such_blocks(a, units);
    plot += grey + fmt::format("plot data skip 1 every ::0::K*B-1 using 1:3:{} with image\n", field) +
            (grey.empty() ? "" : "unset object\n");
    lines += fmt::format("  data skip 1 every ::K*B using 2:{} with linespoints linetype {} title ", field,
                         place % static_cast<int>(colours) + 1) +
             gnuplot_string(units.axis.label) + ", \\\n";
    field += units.axis.per_token ? 3 : 1;
    ++place;
  }
  plot += panel(down(lines_top), down(height - 62), across(left), 0.965) + key.set(height, key_top) +
          fmt::format(R"(unset title
set grid
set style fill transparent solid 0.22 noborder
set xrange {}
set yrange [0:1]
set xtics auto
set ytics 0.2
set format y '%g'
set ylabel 'share that is on' offset 1
plot data skip 1 every ::K*B using 2:{}:{} with filledcurves linecolor rgb '#000000' notitle, \
)",
                      process.range, field + 1, field + 2) +
          lines +
          fmt::format(
              "  data skip 1 every ::K*B using 2:{} with linespoints linecolor rgb '#000000' linewidth 2 "
              "pointtype 7 pointsize 0.4 \\\n"
              "    title 'all MACs (λ)'\nunset multiplot",
              field);
  return {.name = "activation-" + record::safe_name(a.model),
          .description = "Shares of " + listed(labels) +
                         " that are on, of each block at each timestep: blue few, "
                         "white all; below, the totals against the timestep.",
          .width = width,
          .height = height,
          .csv = to_csv(a),
          .settings = plot_style() + fmt::format("K = {}; B = {}\n", a.timesteps.size(), a.depth),
          .plot = plot};
}

}  // namespace dydit::analysis
