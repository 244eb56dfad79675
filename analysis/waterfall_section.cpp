// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// The largest cause among the waterfalls of a study; of a trained model as it decides itself, not by chance.
struct Largest {
  const SpeedCell* cell = nullptr;
  std::size_t cause = 0;

  const Interval& bar() const { return cell->waterfall->causes[cause]; }
};

Largest largest_of(const SpeedStudy& study) {
  Largest largest;
  auto cells = shown_waterfalls(study);
  if (study.trained()) std::erase_if(cells, [](const SpeedCell* cell) { return cell->which != Which::own; });
  for (const SpeedCell* shown : cells)
    for (std::size_t i = 0; i + 1 < waterfall_causes.size();
         ++i)  // what is unexplained comes last, and is none
      if (largest.cell == nullptr || shown->waterfall->causes[i].mean > largest.bar().mean)
        largest = {shown, i};
  return largest;
}

std::string sentence(const SpeedStudy& study, const Largest& largest) {
  const SpeedCell& cell = *largest.cell;
  const std::string where =
      fmt::format("{}, {}, batch {}", html_escape(study.title()), skipped(cell.which), cell.batch);
  if (largest.bar().mean <= 0) return "No cause takes more time than theory allows: " + where + ".";
  return fmt::format("The largest cause is {}: {}&nbsp;ms of a pass of {}&nbsp;ms ({}).",
                     record::metric(waterfall_causes[largest.cause]).label, bold(largest.bar()),
                     number(cell.time.mean), where);
}

/// Is a tenth of the lost time or less without a cause?
Tile tile_of(const SpeedStudy& study, const SpeedCell& cell) {
  const Interval& ms = cell.waterfall->causes.back();
  const double gap = cell.time.mean - cell.waterfall->theoretical.mean;
  Tile tile{"Is the lost time explained?", "", ""};
  if (!(cell.time.low > cell.waterfall->theoretical.mean)) {
    tile.number = number(gap) + "&nbsp;ms";
    tile.label = "more than theory, less than its own interval: " + html_escape(study.title());
    return tile;
  }
  const Interval percent{100 * ms.mean / gap, 100 * ms.low / gap, 100 * ms.high / gap};
  const double most = 10;
  if (percent.low >= -most && percent.high <= most)
    tile.judgement = Judgement::yes;
  else if (percent.low > most || percent.high < -most)
    tile.judgement = Judgement::no;
  tile.number = plus_minus(percent) + "&nbsp;%";
  tile.label =
      fmt::format("of the {}&nbsp;ms lost are unexplained: {}", number(gap), html_escape(study.title()));
  return tile;
}

std::string causes() {
  std::string terms = described("theoretical_time");
  for (const std::string_view cause : waterfall_causes) terms += described(cause);
  return note(
      terms +
      "Each cause was measured by a run of its own. The lost time counts as explained when a tenth of "
      "it or less is unexplained.");
}

}  // namespace

std::optional<Section> waterfall_section(const Findings& findings, const Show& show) {
  constexpr int most = 5;  // figures
  Section section{.id = "waterfall", .title = "What takes the time that is not saved?"};
  std::vector<std::string> sentences;
  std::string figures;
  for (const SpeedStudy* each : shown_first(findings, findings.speed)) {
    const SpeedStudy& study = *each;
    const Largest largest = largest_of(study);
    if (largest.cell == nullptr) continue;
    sentences.push_back(sentence(study, largest));
    if (std::ssize(sentences) > most) continue;
    const auto figure =
        waterfall_figure(study, "waterfall-" + record::safe_name(name_among(findings.speed, study)));
    const std::string html = show(*figure,
                                  "From the theoretical to the measured time, cause by cause: red takes "
                                  "time, green gives some back, lines are 95&nbsp;% intervals; no axis "
                                  "begins at 0.");
    if (sentences.size() > 1) {
      figures += html;
      continue;
    }
    section.shown = html;
    section.answer = sentences.front();
    section.tile = tile_of(study, *largest.cell);
  }
  if (sentences.empty()) return std::nullopt;
  if (std::ssize(sentences) > most)
    figures += note(fmt::format("Of {} waterfalls the first {} are drawn.", sentences.size(), most));
  section.details = (sentences.size() > 1 ? list(sentences) : "") + figures + causes();
  return section;
}

}  // namespace dydit::analysis
