// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "analysis/figures.h"
#include "analysis/waterfall.h"
#include "html.h"
#include "plot_style.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// What a row of a waterfall shows: a cause from `start` to `end` ms, or a total, a point.
struct Bar {
  std::string_view name;
  std::string label;
  double start, end;
  Interval value;

  bool total() const { return name == "time" || name == theoretical_bar.name; }
  double low() const { return end + value.low - value.mean; }
  double high() const { return end + value.high - value.mean; }
  Range reach() const {
    Range range{std::min(start, end), std::max(start, end)};
    range.include({end, low(), high()});
    return range;
  }
};

std::vector<Bar> bars_of(const SpeedCell& cell) {
  const Waterfall& waterfall = cell.waterfall.value();
  double at = waterfall.theoretical.mean;
  std::vector<Bar> bars = {{theoretical_bar.name, std::string(theoretical_bar.label), at, at, waterfall.theoretical}};
  for (std::size_t i = 0; i < waterfall.causes.size(); ++i) {
    const double start = at;
    at += waterfall.causes[i].mean;
    const auto& [name, label, description] = waterfall_causes[i];
    bars.push_back({name, of_engine(label, cell.engine.name), start, at, waterfall.causes[i]});
  }
  bars.push_back({"time", "measured time", cell.time.mean, cell.time.mean, cell.time});
  return bars;
}

Range reach_of(const std::vector<Bar>& bars) {
  Range range = bars.front().reach();
  for (const Bar& bar : bars) range.include({bar.reach().low, bar.reach().low, bar.reach().high});
  return range;
}

const char* colour_of(const Bar& bar) {
  if (bar.name == waterfall_causes.back().name) return "#999999";
  return bar.end > bar.start ? "#d55e00" : "#009e73";
}

/// The dense time is a line where the axis reaches it, named where there is room; the size of a bar stands on its
/// right.
std::string labels(const SpeedCell& cell, const std::vector<Bar>& bars, const Range& axis) {
  const Waterfall& waterfall = cell.waterfall.value();
  const double dense = waterfall.theoretical.mean * cell.theoretical_speedup;
  const bool trained = !skipped(cell.which).imposed;
  const std::string kept = trained ? "λ " + number(cell.lambda_realised) : cell.keep.text() + " kept";
  const std::string above[] = {
      std::string(skipped(cell.which).label), fmt::format("{}, batch {}", kept, cell.batch),
      fmt::format("gap {} of dense {} ms", number(waterfall.gap.mean), number(dense)),
      waterfall.told() ? fmt::format("unexplained: {} % of the gap", number(waterfall.unexplained_percent.mean))
                       : "where it goes: cannot tell"};
  std::string text;
  for (std::size_t i = 0; i < std::size(above); ++i)
    text += fmt::format("set label {} at graph 0.5,1 center offset 0,{}{}\n", gnuplot_string(above[i]),
                        3.9 - static_cast<double>(i), i == 0 ? "" : " font ',12'");
  if (axis.low < dense && dense < axis.high)
    text += fmt::format(
        "set arrow from first {0:.8g},graph 0 to first {0:.8g},graph 1 nohead linecolor rgb '#808080' "
        "dashtype 3\nset label 'dense' at first {0:.8g},graph 0.97 {1} textcolor rgb '#808080' font ',12'\n",
        dense, dense < axis.low + 0.75 * axis.size() ? "left offset 0.5,0" : "right offset -0.5,0");
  for (std::size_t i = 0; i < bars.size(); ++i)
    text += fmt::format("set label '{}' at first {:.8g},{} left offset {},0 font ',12'\n",
                        bars[i].total() ? number(bars[i].end) + " ms" : signed_number(bars[i].value.mean),
                        bars[i].reach().high, bars.size() - 1 - i, bars[i].total() ? 1.2 : 0.6);
  return text;
}

/// The causes as tics of the first panel, in other panels without their names.
std::string cause_tics(const std::vector<Bar>& bars, bool named) {
  std::vector<std::string> tics;
  for (const Bar& bar : bars)
    tics.push_back(fmt::format("{} {}", gnuplot_string(named ? bar.label : ""), bars.size() - 1 - tics.size()));
  return fmt::format("set ytics ({})\n", fmt::join(tics, ", "));
}

/// Columns of the CSV: 1 row, 2 start, 3 end, 4 and 5 the end's interval. `first` is the first bar's line.
std::string plot_bars(const std::vector<Bar>& bars, std::size_t first) {
  const auto rows = [&](std::size_t from, std::size_t to) {
    return fmt::format("data skip 1 every ::{}::{} using ", first + from, first + to);
  };
  const std::size_t last = bars.size() - 1;
  std::string plot =
      "plot " + rows(0, last - 1) + "3:1:(0):(-1) with vectors nohead linecolor rgb '#909090' linewidth 0.8 notitle";
  for (std::size_t i = 0; i <= last; ++i)
    plot += ", \\\n  " + rows(i, i) +
            (bars[i].total() ? "3:1 with points pointtype 13 pointsize 1.2 linecolor rgb '#0072b2' notitle"
                             : fmt::format("2:1:2:3:($1-0.32):($1+0.32) with boxxyerror fillstyle solid 1 noborder "
                                           "linecolor rgb '{}' notitle",
                                           colour_of(bars[i])));
  return plot + ", \\\n  " + rows(0, last) +
         "4:1:($5-$4):(0) with vectors nohead linecolor rgb 'black' linewidth 1 notitle\n";
}

/// The bars, and below them what is not drawn: what the bars add up to, what the dense model's parts leave of its time,
/// and the unexplained share of the gap in percent.
std::string csv_rows(const SpeedCell& cell, const std::vector<Bar>& bars) {
  std::string csv;
  const auto add = [&](const std::string& row, const Bar& bar) {
    csv += csv_line(row, bar.start, Interval{bar.end, bar.low(), bar.high()}, bar.value.mean, bar.name, cell.which,
                    cell.keep.text(), cell.batch);
  };
  for (std::size_t i = 0; i < bars.size(); ++i) add(std::to_string(bars.size() - 1 - i), bars[i]);
  const auto& [theoretical, causes, gap, misfit, percent] = *cell.waterfall;
  for (const auto& [name, value] :
       {std::pair{"gap", gap}, std::pair{"dense_misfit", misfit}, std::pair{"unexplained_percent", percent}})
    add("NaN", {name, "", 0, value.mean, value});
  return csv;
}
constexpr std::size_t rows_not_drawn = 3;

Figure figure_of(const SpeedStudy& study, std::span<const SpeedCell* const> cells, const std::string& name) {
  // Each panel shows as many milliseconds, around its own: bars of one length are the same time.
  double size = 1e-3 * cells.front()->time.mean;
  for (const SpeedCell* cell : cells) size = std::max(size, reach_of(bars_of(*cell)).size());
  const PanelRow row{cells.size(), 150, 120, 225};
  std::string csv = "row,start,end,end_low,end_high,value,metric,which,keep,batch\n";
  std::string plot =
      fmt::format(
          "set multiplot\nset xtics {:.8g}\nset xlabel 'ms' offset 0,0.3\n"
          "set yrange [-0.6:{}.6]\n",
          tic_step(1.6 * size), waterfall_causes.size() + 1) +
      row.title(study.title() + ", " + cells.front()->engine.name + ": what takes the time that is not saved?");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto bars = bars_of(*cells[i]);
    const double low = reach_of(bars).low - 0.1 * size;
    const Range axis{low, low + 1.6 * size};
    plot += row.place(i) + "set xrange " + axis.text() + "\n" + labels(*cells[i], bars, axis) +
            cause_tics(bars, i == 0) + plot_bars(bars, i * (bars.size() + rows_not_drawn)) +
            "unset label\nunset arrow\n";
    csv += csv_rows(*cells[i], bars);
  }
  return {.name = name,
          .description =
              "What lies between the theoretical and the measured time of " + study.title() + ", cause by cause.",
          .width = PanelRow::figure_width,
          .height = row.figure_height(),
          .csv = csv,
          .settings = plot_style(),
          .plot = plot + "unset multiplot"};
}

}  // namespace

std::vector<Figure> waterfall_figures(const SpeedStudy& study, const std::string& name) {
  std::map<std::string, std::vector<const SpeedCell*>> engines;
  for (const SpeedCell* cell : shown_waterfalls(study)) engines[cell->engine.name].push_back(cell);
  std::vector<Figure> figures;
  for (const auto& [engine, cells] : engines) {
    const std::string whole = engines.size() == 1 ? name : name + "-" + record::safe_name(engine);
    for (Figure& figure :
         PanelRow::figures(cells, whole, [&](auto some, const std::string&its) { return figure_of(study, some, its); }))
      figures.push_back(std::move(figure));
  }
  return figures;
}

namespace {

std::string where(const SpeedStudy& study, const SpeedCell& cell) {
  const std::string engine = study.engines(Executes::kept).size() == 1 ? "" : cell.engine.name + ", ";
  return html_escape(fmt::format("{}, {}{}, batch {}", study.title(), engine, skipped(cell.which).label, cell.batch));
}

/// Is a tenth of the lost time or less without a cause?
Tile tile_of(const SpeedStudy& study, const Waterfall& waterfall) {
  const std::string question = "Is the lost time explained?", title = html_escape(study.title());
  if (!waterfall.told())
    return {question, plus_minus(waterfall.gap) + "&nbsp;ms", "more than theory, not clear of zero: " + title};
  constexpr double most = 10;
  const Interval& percent = waterfall.unexplained_percent;
  const bool yes = percent.low >= -most && percent.high <= most, no = percent.low > most || percent.high < -most;
  return {question, plus_minus(percent) + "&nbsp;%",
          fmt::format("of a gap of {}&nbsp;ms are unexplained: {}", number(waterfall.gap.mean), title),
          yes  ? Judgement::yes
          : no ? Judgement::no
               : Judgement::cannot_tell};
}

/// A sentence on the largest cause that is clear of zero, among the waterfalls of a study whose gap is; and a tile on
/// the waterfall that has it, or the first.
std::pair<std::string, Tile> largest_cause(const SpeedStudy& study, const std::vector<const SpeedCell*>& cells) {
  const SpeedCell* largest = nullptr;
  std::size_t cause = 0;
  for (const SpeedCell* cell : cells)
    for (std::size_t i = 0; cell->waterfall->told() && i + 1 < waterfall_causes.size(); ++i)  // the last is none
      if (const Interval& bar = cell->waterfall->causes[i];
          bar.low > 0 && (largest == nullptr || bar.mean > largest->waterfall->causes[cause].mean)) {
        largest = cell;
        cause = i;
      }
  if (largest == nullptr)
    return {
        fmt::format("Where the rest of the time goes cannot be told: no cause is clear of zero where the gap is ({}).",
                    html_escape(study.title())),
        tile_of(study, *cells.front()->waterfall)};
  return {fmt::format("The largest cause is {}: {}&nbsp;ms of a pass of {}&nbsp;ms ({}).",
                      html_escape(of_engine(waterfall_causes[cause].label, largest->engine.name)),
                      bold(largest->waterfall->causes[cause]), number(largest->time.mean), where(study, *largest)),
          tile_of(study, *largest->waterfall)};
}

/// Of every waterfall how much of its gap is unexplained, beside the dense model's misfit.
std::string waterfall_table(const SpeedStudy& study) {
  std::string rows;
  const bool several = study.engines(Executes::kept).size() > 1;
  for (const SpeedCell& cell : study.cells)
    if (const auto& waterfall = cell.waterfall)
      rows += row({std::to_string(cell.batch), html_escape(several ? cell.engine.name + ", " + cell.which : cell.which),
                   study.trained() ? number(cell.lambda_realised) : cell.keep.text(),
                   number(waterfall->theoretical.mean), number(cell.time.mean) + (cell.disturbed() ? " †" : ""),
                   plus_minus(waterfall->gap), plus_minus(waterfall->unexplained()),
                   waterfall->told() ? plus_minus(waterfall->unexplained_percent) : "cannot tell",
                   plus_minus(waterfall->dense_misfit)});
  return table({"batch", "masks", study.trained() ? "λ" : "kept", "theoretical<br>ms", "measured<br>ms", "gap<br>ms",
                "unexplained<br>ms", "% of<br>the gap", "dense misfit<br>ms"},
               rows);
}

std::string causes(const std::vector<std::string>& engines) {
  const std::string engine = html_escape(fmt::format("{}", fmt::join(engines, " or ")));
  const auto bar = [&](const BarInfo& info) {
    return fmt::format("<b>{}</b>: {} ", of_engine(info.label, engine), of_engine(info.description, engine));
  };
  std::string terms = bar(theoretical_bar);
  for (const BarInfo& cause : waterfall_causes) terms += bar(cause);
  return note(terms +
              "The bars are derived from the times of whole passes and of parts run by themselves; intervals are over "
              "blocks. Where the interval of the gap contains 0, what it consists of cannot be told. The lost time "
              "counts as explained when a tenth of it or less is unexplained.");
}

}  // namespace

std::optional<Section> waterfall_section(const Findings& findings, const Show& show) {
  constexpr int most = 5;  // figures
  Section section{.id = "waterfall", .title = "What takes the time that is not saved?"};
  std::vector<std::string> sentences;
  std::string figures, tables;
  for (const SpeedStudy* study : shown_first(findings, findings.speed)) {
    auto cells = shown_waterfalls(*study);
    // Of a trained model as it decides itself, not by chance.
    if (study->trained()) std::erase_if(cells, [](const SpeedCell* cell) { return !cell->own(); });
    if (cells.empty()) continue;
    auto [sentence, tile] = largest_cause(*study, cells);
    if (sentences.empty()) {
      section.answer = sentence;
      section.tile = tile;
    }
    sentences.push_back(sentence);
    tables += waterfall_table(*study);
    if (std::ranges::any_of(study->cells, [&](const SpeedCell& cell) {
          return cell.waterfall && cell.keep.by_axis() && std::ranges::find(cells, &cell) == cells.end();
        }))
      tables += note(
          "Where one share of all units was measured too, waterfalls of several shares stand in the table "
          "alone.");
    if (std::ssize(sentences) > most) continue;
    for (const Figure& figure :
         waterfall_figures(*study, "waterfall-" + record::safe_name(name_among(findings.speed, *study))))
      (sentences.size() == 1 ? section.shown : figures) += show(
          figure,
          "From the theoretical to the measured time, cause by cause: red takes time, green gives some back, lines "
          "are 95&nbsp;% intervals; no axis begins at 0.");
  }
  if (sentences.empty()) return std::nullopt;
  if (std::ssize(sentences) > most)
    figures += note(fmt::format("Of {} waterfalls the first {} are drawn.", sentences.size(), most));
  section.details = (sentences.size() > 1 ? list(sentences) : "") + tables + figures +
                    causes(engines_of(findings.speed, Executes::kept));
  return section;
}

}  // namespace dydit::analysis
