// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/figures.h"
#include "looks.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr int heading_room = 26, axis_room = 62, panel_height = 430;  // pixels

std::string csv_of(const QualityFront& front, const Looks& looks) {
  std::string csv =
      "image_time,image_time_low,image_time_high,frechet,frechet_low,frechet_high,colour,symbol,on_front,cached,kernel,"
      "precision,recall,judged_images,sampling_gmacs_guided,multiplied_share,cache_memory,model,engine,cache,sampler,"
      "steps,over_steps,over_steps_low,over_steps_high,over_complete,over_complete_low,over_complete_high\n";
  for (const FrontPoint& point : front.points) {
    const SamplingCell& cell = point.cell;
    csv += csv_line(cell.time, cell.frechet, looks.colour(point.variant()), looks.symbol(cell.cache),
                    point.on_front ? 1 : 0, cell.cached() ? 1 : 0, cell.kernel, cell.precision, cell.recall,
                    cell.judged, cell.gmacs_guided, cell.share.mean, cell.cache_memory, point.model, cell.engine.name,
                    cell.cache, cell.sampler, cell.steps, point.over_steps, point.over_complete);
  }
  return csv;
}

// Rows of the CSV that a line goes through: those of a model by a sampler without a cache.
std::vector<std::pair<std::size_t, std::size_t>> lines_of(const QualityFront& front) {
  std::vector<std::pair<std::size_t, std::size_t>> lines;
  for (std::size_t i = 0; i < front.points.size(); ++i) {
    const FrontPoint& point = front.points[i];
    if (point.cell.cached()) continue;
    const bool goes_on = i > 0 && !lines.empty() && lines.back().second + 1 == i &&
                         front.points[i - 1].variant() == point.variant() &&
                         front.points[i - 1].cell.sampler == point.cell.sampler;
    if (goes_on)
      lines.back().second = i;
    else
      lines.emplace_back(i, i);
  }
  return lines;
}

}  // namespace

Figure quality_front_figure(const QualityFront& front, const std::string& name) {
  Looks looks;
  Range times{front.points.front().cell.time.mean, front.points.front().cell.time.mean};
  Range distances{front.points.front().cell.frechet.mean, front.points.front().cell.frechet.mean};
  std::vector<std::string> samplers;
  for (const FrontPoint& point : front.points) {
    looks.add(point.variant(), point.cell.cache);
    times.include(point.cell.time.mean);
    for (const double bound : {point.cell.frechet.mean, point.cell.frechet.low, point.cell.frechet.high})
      if (bound > 0) distances.include(bound);
    if (std::ranges::find(samplers, point.cell.sampler) == samplers.end()) samplers.push_back(point.cell.sampler);
  }
  for (Range* range : {&times, &distances}) {
    const double margin = std::max(1.08, std::pow(range->high / range->low, 0.06));
    *range = {range->low / margin, range->high * margin};
  }
  auto [titles, entries] = looks.key();
  if (samplers.size() > 1)
    for (std::size_t i = 0; i < samplers.size(); ++i) {
      titles.push_back(samplers[i]);
      entries += fmt::format(", \\\n  keyentry with lines linecolor rgb 'black' linewidth 1.5 dashtype {} title {}",
                             i + 1, gnuplot_string(samplers[i]));
    }
  const std::string best = "no other is faster and closer";
  titles.push_back(best);
  const KeyStrip key(titles, PanelRow::figure_width);
  const int top = heading_room + key.height() - 8, height = top + panel_height + axis_room;
  std::string plot = title_above(front.title(), height) + key.set(height, heading_room) +
                     panel(1 - 1.0 * top / height, 1.0 * axis_room / height, 0.1, 0.975) +
                     fmt::format(
                         "set logscale xy\nset xrange {}\nset yrange {}\nset xtics {}\nset ytics {}\n"
                         "set xlabel 'ms for each image' offset 0,0.3\nset ylabel 'Fréchet distance' offset 0.5\n",
                         times.text(), distances.text(), log_tics(times), log_tics(distances));
  // Columns of the CSV: 1 time, 4 to 6 the distance, 7 colour, 8 symbol, 9 whether on the front, 10 whether cached,
  // 21 sampler, 22 steps.
  constexpr const char* wide = "with lines linecolor rgb '#d9d9d9' linewidth 9";
  plot += fmt::format("plot data skip 1 using ($9 == 1 ? $1 : NaN):4 smooth unique {} notitle", wide);
  for (const auto& [first, last] : lines_of(front)) {
    const FrontPoint& point = front.points[first];
    const auto dash = std::ranges::find(samplers, point.cell.sampler) - samplers.begin() + 1;
    plot += fmt::format(
        ", \\\n  data skip 1 every ::{}::{} using 1:4 with lines linetype {} linewidth 1.5 dashtype {} notitle", first,
        last, looks.colour(point.variant()), dash);
  }
  // An interval that reaches 0 has no end on this axis.
  plot += fmt::format(
      ", \\\n  data skip 1 using 1:($5 > {0:.8g} ? $5 : {0:.8g}):(0):($6-($5 > {0:.8g} ? $5 : {0:.8g})):7 with vectors "
      "nohead linecolor variable linewidth 1 notitle, \\\n"
      "  data skip 1 using 1:4:8:7 with points pointtype variable pointsize 0.9 linecolor variable linewidth 1.2 "
      "notitle, \\\n"
      "  data skip 1 using 1:4:({1}sprintf('%d', $22)) with labels left offset 0.5,0.6 font ',10' notitle",
      distances.low, samplers.size() > 1 ? "($10 == 1 ? strcol(21).' ' : '')." : "");
  return Figure{.name = name,
                .description = fmt::format(
                    "Distance of drawn images from real ones against the time of an image, {}; numbers are steps.",
                    front.title()),
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv_of(front, looks),
                .settings = plot_style(),
                .plot = plot + entries + fmt::format(", \\\n  keyentry {} title '{}'", wide, best) +
                        "\nunset label\nunset logscale\nset xtics autofreq\nset ytics autofreq"};
}

}  // namespace dydit::analysis
