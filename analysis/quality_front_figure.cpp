// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "analysis/figures.h"
#include "looks.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr int heading_room = 26, panel_height = 400;  // pixels

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

// Both axes, with room around what is drawn.
Range with_margin(const Range& range, double least) {
  const double margin = std::max(least, std::pow(range.high / range.low, 0.06));
  return {range.low / margin, range.high * margin};
}

std::vector<std::string> samplers_of(const QualityFront& front) {
  std::vector<std::string> samplers;
  for (const FrontPoint& point : front.points)
    if (std::ranges::find(samplers, point.cell.sampler) == samplers.end()) samplers.push_back(point.cell.sampler);
  return samplers;
}

Looks looks_of(const QualityFront& front) {
  Looks looks;
  for (const FrontPoint& point : front.points) looks.add(point.variant(), point.cell.cache);
  return looks;
}

// Panels over the time of an image, both axes logarithmic; `apart` as in log_tics.
std::string row_of_panels(const PanelRow& row, const KeyStrip& key, const std::string& title, const Range& times,
                          double apart) {
  return "set multiplot\n" + row.title(title) + key.set(row.figure_height(), heading_room) +
         fmt::format("set logscale xy\nset xrange {}\nset xtics {}\nset xlabel 'ms for each image' offset 0,0.3\n",
                     times.text(), log_tics(times, apart));
}

std::string vertical(const Range& range, const char* title) {
  return fmt::format("set yrange {}\nset ytics {}\nset ylabel '{}' offset 0.5\n", range.text(), log_tics(range), title);
}

// The cells on the front by their times, as gnuplot's data.
std::string front_block(const QualityFront& front) {
  std::vector<std::pair<double, double>> points;
  for (const FrontPoint& point : front.points)
    if (point.on_front) points.emplace_back(point.cell.time.mean, point.cell.frechet.mean);
  std::ranges::sort(points);
  std::string block = "$front << EOD\n";
  for (const auto& [time, distance] : points) block += fmt::format("{:.8g},{:.8g}\n", time, distance);
  return block + "EOD\n";
}

constexpr const char* back_to_linear =
    "\nunset multiplot\nunset label\nunset logscale\nset xtics autofreq\nset ytics autofreq";

Figure quality_front_figure(const QualityFront& front, std::span<const std::string> samplers, const std::string& name) {
  const Looks looks = looks_of(front);
  const auto [first_time, first_distance] =
      std::pair(front.points.front().cell.time, front.points.front().cell.frechet);
  Range times{first_time.mean, first_time.mean}, distances{first_distance.mean, first_distance.mean};
  std::size_t most = 0;  // points of a panel
  for (const FrontPoint& point : front.points) {
    times.include(point.cell.time.mean);
    for (const double bound : {point.cell.frechet.mean, point.cell.frechet.low, point.cell.frechet.high})
      if (bound > 0) distances.include(bound);
  }
  for (const std::string& sampler : samplers)
    most = std::max(most, static_cast<std::size_t>(std::ranges::count(
                              front.points, sampler, [](const FrontPoint& point) { return point.cell.sampler; })));
  times = with_margin(times, 1.08), distances = with_margin(distances, 1.08);
  auto [titles, entries] = looks.key();
  const std::string best = "no other is faster and closer";
  constexpr const char* wide = "with lines linecolor rgb '#d9d9d9' linewidth 9";
  titles.push_back(best);
  const KeyStrip key(titles, PanelRow::figure_width);
  const PanelRow row{samplers.size(), 76, static_cast<double>(heading_room + key.height() + 20), panel_height};
  std::string plot = row_of_panels(row, key, front.title(), times, 0.12) + vertical(distances, "Fréchet distance");
  // Columns of the CSV: 1 time, 4 to 6 the distance, 7 colour, 8 symbol, 9 whether on the front, 21 sampler, 22 steps.
  for (std::size_t i = 0; i < samplers.size(); ++i) {
    const std::string here = fmt::format("strcol(21) eq {}", gnuplot_string(samplers[i]));
    plot += row.place(i) + fmt::format("set title {} offset 0,-0.6\n", gnuplot_string(samplers[i]));
    if (i > 0) plot += "unset ylabel\nset format y ''\n";
    plot += fmt::format("plot $front using 1:2 {} notitle", wide);
    for (const auto& [first, last] : lines_of(front)) {
      const FrontPoint& point = front.points[first];
      if (point.cell.sampler == samplers[i])
        plot += fmt::format(", \\\n  data skip 1 every ::{}::{} using 1:4 with lines linetype {} linewidth 1.5 notitle",
                            first, last, looks.colour(point.variant()));
    }
    // An interval that reaches 0 has no end on this axis. Of many points those on the front alone are named.
    constexpr std::size_t few = 24;
    plot += fmt::format(
        ", \\\n  data skip 1 using ({0} ? $1 : NaN):($5 > {1:.8g} ? $5 : {1:.8g}):(0):($6-($5 > {1:.8g} ? $5 : "
        "{1:.8g})) with vectors nohead linecolor rgb '#b0b0b0' linewidth 0.6 notitle, \\\n"
        "  data skip 1 using ({0} ? $1 : NaN):4:8:7 with points pointtype variable pointsize {2} linecolor variable "
        "linewidth 1.2 notitle, \\\n"
        "  data skip 1 using ({0} && {3} ? $1 : NaN):4:(sprintf('%d', $22)) with labels left offset 0.5,0.6 font ',10' "
        "notitle",
        here, distances.low, most > few ? 0.7 : 0.9, most > few ? "$9 == 1" : "1");
    if (i == 0) plot += entries + fmt::format(", \\\n  keyentry {} title '{}'", wide, best);
    plot += "\nunset key\nunset label\n";
  }
  return Figure{.name = name,
                .description = fmt::format(
                    "Distance of drawn images from real ones against the time of an image, {}; numbers are steps.",
                    front.title()),
                .width = PanelRow::figure_width,
                .height = row.figure_height(),
                .csv = csv_of(front, looks),
                .settings = plot_style() + front_block(front),
                .plot = plot + "unset title\nset format y\n" + back_to_linear};
}

}  // namespace

std::vector<Figure> quality_front_figures(const QualityFront& front, const std::string& name) {
  return PanelRow::figures(samplers_of(front), name, [&](std::span<const std::string> samplers, const std::string& of) {
    return quality_front_figure(front, samplers, of);
  });
}

std::optional<Figure> quality_ratio_figure(const QualityFront& front, const std::string& name) {
  struct Question {
    const char* title;
    std::function<const Interval*(const FrontPoint&)> ratio;  // null where it is not asked of a cell
  };
  const std::array<Question, 3> questions{{
      {"a cache over fewer steps",
       [](const FrontPoint& point) { return point.cell.cached() ? &point.over_steps : nullptr; }},
      {"skipping over complete",
       [](const FrontPoint& point) {
         return point.cell.skips() && !point.cell.cached() ? &point.over_complete : nullptr;
       }},
      {"both over that cache",
       [](const FrontPoint& point) {
         return point.cell.skips() && point.cell.cached() ? &point.over_complete : nullptr;
       }},
  }};
  const Looks looks = looks_of(front);
  Range times{HUGE_VAL, 0}, ratios{1, 1};
  std::string csv = "image_time,ratio,ratio_low,ratio_high,colour,symbol,question,model,engine,cache,sampler,steps\n";
  std::vector<const Question*> asked;
  for (const Question& question : questions) {
    bool any = false;
    for (const FrontPoint& point : front.points) {
      const Interval* const ratio = question.ratio(point);
      if (ratio == nullptr || !(ratio->mean > 0)) continue;
      any = true;
      const SamplingCell& cell = point.cell;
      times.include(cell.time.mean);
      for (const double bound : {ratio->mean, ratio->low, ratio->high})
        if (bound > 0) ratios.include(bound);
      csv += csv_line(cell.time.mean, *ratio, looks.colour(point.variant()), looks.symbol(cell.cache), asked.size(),
                      point.model, cell.engine.name, cell.cache, cell.sampler, cell.steps);
    }
    if (any) asked.push_back(&question);
  }
  if (asked.empty()) return std::nullopt;
  times = with_margin(times, 1.08), ratios = with_margin(ratios, 1.02);
  auto [titles, entries] = looks.key();
  const KeyStrip key(titles, PanelRow::figure_width);
  constexpr int height = 260;
  const PanelRow row{asked.size(), 76, static_cast<double>(heading_room + key.height() + 20), height};
  std::string plot =
      row_of_panels(row, key, front.title(), times, 0.17) + vertical(ratios, "ratio of distances") + "set samples 2\n";
  // Columns of the CSV: 1 time, 2 to 4 the ratio, 5 colour, 6 symbol, 7 the panel.
  for (std::size_t i = 0; i < asked.size(); ++i) {
    plot += row.place(i) + fmt::format("set title '{}' offset 0,-0.6\n", asked[i]->title);
    if (i > 0) plot += "unset ylabel\nset format y ''\n";
    plot += fmt::format(
        "set label 8 'closer' at graph 0.02,first 1 left offset 0,-0.6 font ',10' textcolor rgb '#606060'\n"
        "set label 9 'farther' at graph 0.02,first 1 left offset 0,0.6 font ',10' textcolor rgb '#606060'\n"
        "plot 1 with lines linecolor rgb '#606060' linewidth 1.2 dashtype 2 notitle, \\\n"
        "  data skip 1 using ($7 == {0} ? $1 : NaN):($3 > {1:.8g} ? $3 : {1:.8g}):(0):($4-($3 > {1:.8g} ? $3 : "
        "{1:.8g})):5 "
        "with vectors nohead linecolor variable linewidth 1.2 notitle, \\\n"
        "  data skip 1 using ($7 == {0} ? $1 : NaN):2:6:5 with points pointtype variable pointsize 0.8 linecolor "
        "variable "
        "linewidth 1.2 notitle",
        i, ratios.low);
    if (i == 0) plot += entries;
    plot += "\nunset key\nunset label\n";
  }
  return Figure{
      .name = name,
      .description = fmt::format("Distances of drawn images from real ones over those of others in the same time, {}.",
                                 front.title()),
      .width = PanelRow::figure_width,
      .height = row.figure_height(),
      .csv = csv,
      .settings = plot_style(),
      .plot = plot + "unset title\nset format y\n" + back_to_linear};
}

}  // namespace dydit::analysis
