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
    tics += fmt::format("{}'{}' {}", tics.empty() ? "" : ", ", a.timesteps[k], k);
  return tics;
}

}  // namespace

Figure activation_figure(const Activation& a) {
  const KeyStrip key({"channel groups", "all MACs (λ)", "heads", "tokens"}, 760);
  constexpr int width = 760, maps_top = 34, maps_height = 190, key_top = 284;
  const int lines_top = key_top + key.height(), height = lines_top + 300;
  const auto down = [&](int pixels) { return 1 - static_cast<double>(pixels) / height; };
  const auto across = [&](int pixels) { return static_cast<double>(pixels) / width; };
  std::string plot = fmt::format(
      "set multiplot\nset xrange [-0.5:K-0.5]\nset yrange [-0.5:B-0.5]\nset cbrange [0:1]\nunset grid\nset "
      "tics out\nset style fill solid\n"
      "set xtics ({})\nset ytics {}\nset xlabel 'timestep t' offset 0,0.4\nunset key\n"
      "set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')\n"
      "set colorbox user origin {:.4f},{:.4f} size {:.4f},{:.4f}\nset cbtics ('none on' 0, 'half' 0.5, 'all "
      "on' 1) scale 0\n",
      timestep_tics(a),
      a.depth > 12  ? 4
      : a.depth > 6 ? 2
                    : 1,
      across(672), down(maps_top + maps_height), across(12), static_cast<double>(maps_height) / height);
  constexpr int left = 62, panel_width = 185, gap = 14;
  int column = 0;
  for (const auto* unit : {"heads", "channel groups", "tokens"}) {
    const int from = left + column * (panel_width + gap);
    plot += panel(down(maps_top), down(maps_top + maps_height), across(from), across(from + panel_width));
    plot += fmt::format("set title '{}' offset 0,-0.6\n", unit);
    plot += column == 0 ? "set ylabel 'block' offset 0\nset format y '%g'\n"
                        : "unset ylabel\nset format y ''\nunset colorbox\n";
    plot += fmt::format("plot data skip 1 every ::0::K*B-1 using 1:3:{} with image\n", 4 + column++);
  }
  plot += panel(down(lines_top), down(height - 62), across(left), 0.965) + key.set(height, key_top) +
          R"(unset title
set grid
set style fill transparent solid 0.22 noborder
set xrange [0:1000]
set yrange [0:1]
set xtics auto
set ytics 0.2
set format y '%g'
set ylabel 'share that is on' offset 1
plot data skip 1 every ::K*B using 2:10:11 with filledcurves linecolor rgb '#000000' notitle, \
  data skip 1 every ::K*B using 2:4 with linespoints linetype 1 title 'heads', \
  data skip 1 every ::K*B using 2:5 with linespoints linetype 2 title 'channel groups', \
  data skip 1 every ::K*B using 2:6 with linespoints linetype 3 title 'tokens', \
  data skip 1 every ::K*B using 2:9 with linespoints linecolor rgb '#000000' linewidth 2 pointtype 7 pointsize 0.4 \
    title 'all MACs (λ)'
unset multiplot)";
  return {
      .name = "activation-" + record::safe_name(a.model),
      .description =
          "Shares of heads, channel groups and tokens that are on, of each block at each timestep: blue few, "
          "white all; below, the totals against the timestep.",
      .width = width,
      .height = height,
      .csv = to_csv(a),
      .settings = plot_style() + fmt::format("K = {}; B = {}\n", a.timesteps.size(), a.depth),
      .plot = plot};
}

}  // namespace dydit::analysis
