// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "analysis/costs.h"
#include "base/tiles.h"
#include "html.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

std::string costs_name(const std::vector<CostCurve>& curves) {
  const CostCell& of = curves.front().cells.front();
  return fmt::format("{}, batch {}", of.engine.name, of.batch);
}

std::string file_of(const std::string& study, const std::vector<CostCurve>& curves) {
  const CostCell& of = curves.front().cells.front();
  return fmt::format("costs-{}-{}-{}", record::safe_name(study), record::safe_name(of.engine.name), of.batch);
}

/// "3 of 15 steps of heads and 0 of 15 of channel groups".
std::string free_words(const std::vector<CostCurve>& curves) {
  std::vector<std::string> words;
  for (const CostCurve& curve : curves)
    words.push_back(
        fmt::format("{} of {} of {}", curve.free_steps(), curve.cells.size() - 1, html_escape(curve.label)));
  return listed(words);
}

std::string costs_table(const std::vector<std::vector<CostCurve>>& groups) {
  std::string rows;
  for (const auto& curves : groups)
    for (const CostCurve& curve : curves) {
      const CostCell& least = curve.cells.front();
      const CostCell* const all = curve.whole();
      std::vector<std::string> tops;
      for (std::size_t i = 0; i < curve.tops.size(); ++i)
        if (curve.tops[i] == i) tops.push_back(std::to_string(curve.cells[i].on));
      rows += row({html_escape(costs_name(curves)), html_escape(curve.label), all ? std::to_string(all->on) : "failed",
                   all ? plus_minus(all->time) + (disturbed(all->time) ? " †" : "") : "", std::to_string(least.on),
                   plus_minus(least.time) + (disturbed(least.time) ? " †" : ""),
                   all ? number(least.time.mean / all->time.mean) : "", number(least.macs),
                   std::to_string(curve.free_steps()),
                   curve.free_steps() == 0 ? "each" : fmt::format("{}", fmt::join(tops, ", "))});
    }
  return table({"engine", "units", "all", "ms of a block,<br>all on", "least", "ms of a block,<br>least on",
                "of the<br>time", "of the<br>MACs", "free<br>steps", "tops of tiles"},
               rows);
}

}  // namespace

std::optional<Section> costs_section(const Findings& findings, const Show& show) {
  const auto studies = cost_studies(findings.runs);
  if (studies.empty()) return std::nullopt;
  Section section{.id = "costs", .title = "Which units cost no time?"};
  for (const CostStudy* study : shown_first(findings, studies)) {
    const auto groups = cost_curves(*study, model_in(findings.runs, study->model).units);
    if (section.answer.empty())
      section.answer =
          fmt::format("Of the steps from one number of units to the next, {} cost no time ({}, {}).",
                      free_words(groups.front()), html_escape(study->title()), html_escape(costs_name(groups.front())));
    for (const auto& curves : groups)
      for (const Figure& figure : costs_figures(*study, curves, file_of(name_among(studies, *study), curves)))
        (section.shown.empty() ? section.shown : section.details) +=
            show(figure,
                 "One block with so many units of one kind and all of the others. Where more units cost no time, "
                 "turning them off saves none.");
    section.details += "<h3>" + html_escape(study->title()) + "</h3>\n" + costs_table(groups);
  }
  section.details +=
      note(described("block_time") +
           fmt::format(
               "<b>The line of the MACs</b>: time with everything on, times the share of the block's MACs that is "
               "left. <b>A step costs no time</b> where a larger number takes at most {:g}&nbsp;% longer: the largest "
               "such one is the top of its tile, up to which <code>--round-to-tiles</code> leaves heads and channel "
               "groups on. <b>†</b>: disturbed, the interval of a time is wider than a tenth of it.",
               100 * tile_tolerance));
  return section;
}

}  // namespace dydit::analysis
