// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "analysis/figures.h"
#include "html.h"
#include "plot_style.h"
#include "record/record.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// The first, the middle and the last: more do not fit below a panel where times have decimals.
std::string timestep_tics(const Activation& a) {
  const std::size_t last = a.timesteps.size() - 1;
  std::vector<std::string> tics;
  for (const std::size_t k : std::set<std::size_t>{last / 8, last / 2, last - last / 8})  // panels meet at the ends
    tics.push_back(fmt::format("'{}' {}", time_text(a.timesteps[k], 2), k));
  return fmt::format("{}", fmt::join(tics, ", "));
}

bool lacks_blocks(const Activation& a, const UnitShares& units) {
  return static_cast<std::size_t>(units.shares.cols()) < a.depth;
}

/// Where an axis of units has a column in the CSV: its share, and per token the bounds.
int next_field(int field, const UnitShares& units) { return field + (units.axis.per_token ? 3 : 1); }
constexpr int first_field = 4;

/// The map of an axis of units, in the column `field` of the CSV; blocks that it does not have are grey.
std::string plot_map(const Activation& a, const UnitShares& units, int field) {
  const std::string map = fmt::format("plot data skip 1 every ::0::K*B-1 using 1:3:{} with image\n", field);
  if (!lacks_blocks(a, units)) return map;
  return fmt::format(
             "set object 1 rectangle from -0.5,{}-0.5 to K-0.5,B-0.5 front fillstyle solid 1 noborder fillcolor rgb "
             "'#d0d0d0'\n",
             units.shares.cols()) +
         map + "unset object\n";
}

/// The totals of each axis, and of all MACs.
std::string plot_totals(const Activation& a, const Process& process) {
  std::string lines;
  int field = first_field;
  for (std::size_t i = 0; i < a.units.size(); field = next_field(field, a.units[i++]))
    lines += fmt::format("  data skip 1 every ::K*B using 2:{} with linespoints linetype {} title {}, \\\n", field,
                         i % colours + 1, gnuplot_string(a.units[i].axis.label));
  return fmt::format(R"(unset title
set grid
set style fill transparent solid 0.22 noborder
set xrange {}
set yrange [0:1]
set xtics auto
set ytics 0.2
set format y '%g'
set ylabel 'share that is on' offset 1
plot data skip 1 every ::K*B using 2:{}:{} with filledcurves linecolor rgb '#000000' notitle, \
{}  data skip 1 every ::K*B using 2:{} with linespoints linecolor rgb '#000000' linewidth 2 pointtype 7 pointsize 0.4 \
    title 'all MACs (λ)'
)",
                     process.range, field + 1, field + 2, lines, field);
}

}  // namespace

Figure activation_figure(const Activation& a, const Process& process) {
  std::vector<std::string> labels;
  for (const UnitShares& units : a.units) labels.push_back(units.axis.label);
  std::vector<std::string> entries = labels;
  entries.push_back("all MACs (λ)");
  const KeyStrip key(entries, 760);
  // Rows of up to three maps, one for each axis of units; below them their key and the totals.
  constexpr int width = 760, maps_top = 34, maps_height = 190, maps_pitch = 284, left = 62, across_all = 583, gap = 14;
  const int columns = std::clamp(static_cast<int>(a.units.size()), 1, 3),
            rows = (static_cast<int>(a.units.size()) + columns - 1) / columns,
            panel_width = (across_all - gap * (columns - 1)) / columns;
  const int key_top = rows * maps_pitch, lines_top = key_top + key.height(), height = lines_top + 300;
  const auto down = [&](int pixels) { return 1 - static_cast<double>(pixels) / height; };
  const auto across = [&](int pixels) { return static_cast<double>(pixels) / width; };
  std::string plot = fmt::format(
      R"(set multiplot
set xrange [-0.5:K-0.5]
set yrange [-0.5:B-0.5]
set cbrange [0:1]
unset grid
set tics out
set style fill solid
set xtics ({})
set ytics {}
set xlabel '{}' offset 0,0.4
unset key
{}set colorbox user origin {:.4f},{:.4f} size {:.4f},{:.4f}
set cbtics ('none on' 0, 'half' 0.5, 'all on' 1) scale 0
)",
      timestep_tics(a),
      a.depth > 12  ? 4
      : a.depth > 6 ? 2
                    : 1,
      process.axis, blues, across(672), down(maps_top + maps_height), across(12),
      static_cast<double>(maps_height) / height);
  int place = 0, field = first_field;
  for (const UnitShares& units : a.units) {
    const int column = place % columns, from = left + column * (panel_width + gap),
              top = maps_top + place / columns * maps_pitch;
    plot += panel(down(top), down(top + maps_height), across(from), across(from + panel_width)) + "set title " +
            gnuplot_string(units.axis.label) + " offset 0,-0.6\n" +
            (column == 0 ? "set ylabel 'block' offset 0\nset format y '%g'\n" : "unset ylabel\nset format y ''\n") +
            (place++ == 0 ? "" : "unset colorbox\n") + plot_map(a, units, field);
    field = next_field(field, units);
  }
  return {.name = "activation-" + record::safe_name(a.model),
          .description = "Shares of " + listed(labels) +
                         " that are on, of each block at each timestep: blue few, "
                         "white all; below, the totals against the timestep.",
          .width = width,
          .height = height,
          .csv = to_csv(a),
          .settings = plot_style() + fmt::format("K = {}; B = {}\n", a.timesteps.size(), a.depth),
          .plot = plot + panel(down(lines_top), down(height - 62), across(left), 0.965) + key.set(height, key_top) +
                  plot_totals(a, process) + "unset multiplot"};
}

std::optional<Section> activation_section(const Findings& findings, const Show& show) {
  const auto all = activations(findings.runs, findings.options.bootstrap_seed);
  if (all.empty()) return std::nullopt;
  Section section{.id = "activation", .title = "What is on, at which timesteps?"};
  std::vector<Named> less;  // kept near noise, in percentage points of the MACs
  std::vector<std::string> ends;
  for (const Activation* a : shown_first(findings, all)) {
    const std::string name = html_escape(a->model);
    const bool grey =
        std::any_of(a->units.begin(), a->units.end(), [&](const auto& units) { return lacks_blocks(*a, units); });
    (section.shown.empty() ? section.shown : section.details) +=
        show(activation_figure(*a, findings.process),
             fmt::format("What {} has on: above, by block{}; below, in all, and the share of the MACs that follows.",
                         name, grey ? ", grey where it has no such units" : ""));
    ends.push_back(fmt::format("{} keeps {} of the MACs of its blocks at t&nbsp;=&nbsp;{} and {} at t&nbsp;=&nbsp;{}.",
                               name, number(a->kept.front().mean), time_text(a->timesteps.front()),
                               number(a->kept.back().mean), time_text(a->timesteps.back())));
  }
  for (const Activation& a : all)
    if (a.timesteps.size() > 1) less.push_back({a.model, times(-100, a.kept_near_noise)});
  if (!less.empty()) {
    section.answer = fmt::format(
        "At the noisier half of the timesteps, the share of the MACs kept is lower than at the "
        "other half by {} percentage points.",
        from_to(less));
    section.tile = tile_of("Is less computed near noise?", less,
                           "percentage points of the MACs less at the noisier half of the timesteps: ");
  }
  const auto on_time = unit_labels(findings.runs, false);
  auto means = unit_labels(findings.runs, true);
  means.push_back("MACs");
  std::string depends = (on_time.empty() ? "" : listed(on_time) + " depend on the timestep alone; ") + listed(means);
  depends.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(depends.front())));
  section.details += list(ends) + note(fmt::format("{} are means over {} images, with 95&nbsp;% intervals. What is "
                                                   "always on is included.",
                                                   html_escape(depends), grouped(all.front().images)));
  return section;
}

}  // namespace dydit::analysis
