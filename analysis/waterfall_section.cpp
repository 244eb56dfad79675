// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "analysis/waterfall.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

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
          yes ? Judgement::yes : no ? Judgement::no : Judgement::cannot_tell};
}

/// A sentence on the largest cause that is clear of zero, among the waterfalls of a study whose gap is; and a tile on the
/// waterfall that has it, or the first.
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
    return {fmt::format("Where the rest of the time goes cannot be told: no cause is clear of zero where the gap is ({}).",
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
                   study.trained() ? number(cell.lambda_realised) : fmt::format("{:g}", cell.keep),
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
    if (std::ssize(sentences) > most) continue;
    for (const Figure& figure :
         waterfall_figures(*study, "waterfall-" + record::safe_name(name_among(findings.speed, *study))))
      (sentences.size() == 1 ? section.shown : figures) +=
          show(figure,
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
