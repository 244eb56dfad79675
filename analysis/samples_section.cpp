// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "analysis/sample_strip.h"
#include "html.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// Of the rows by the reference's sampler in its number of steps: what they change.
std::string distances(const Strip& strip) {
  const SamplingCell& first = *strip.rows.front().cell;
  std::string rows;
  for (const StripRow& row : strip.rows)
    if (row.cell != &first && row.cell->sampler == first.sampler && row.cell->steps == first.steps)
      rows += analysis::row({html_escape(row.cell->name()), number(row.distance)});
  return rows.empty() ? "" : table({"", "distance"}, rows);
}

/// "The images of compact + ddim 50 differ from the reference's by .12 of their norm, ..."
std::string answer_of(const Strip& strip) {
  const SamplingCell& first = *strip.rows.front().cell;
  const StripRow *least = nullptr, *largest = nullptr;
  for (const StripRow& row : strip.rows) {
    const bool same = row.cell->sampler == first.sampler && row.cell->steps == first.steps;
    if (row.cell == &first || !same || !std::isfinite(row.distance)) continue;
    if (least == nullptr || row.distance < least->distance) least = &row;
    if (largest == nullptr || row.distance > largest->distance) largest = &row;
  }
  if (least == nullptr) return "From the same noise and labels.";
  const auto of = [](const StripRow& row) {
    return fmt::format("{} of their norm ({})", number(row.distance), html_escape(row.cell->name()));
  };
  return fmt::format(
      "From the same noise, by the same sampler in as many steps, images differ from the reference's by {}{}.",
      of(*least), least == largest ? "" : " to " + of(*largest));
}

}  // namespace

std::optional<Section> samples_section(const Findings& findings, const Show& show) {
  const auto studies = sampling_studies(findings.runs);
  Section section{.id = "samples", .title = "What do the trajectories draw?"};
  for (const SamplingStudy* study : shown_first(findings, studies)) {
    const auto strip = strip_of(*study, findings.runs);
    if (!strip) continue;
    const bool first = section.shown.empty();
    if (first) section.answer = answer_of(*strip);
    (first ? section.shown : section.details) += show(
        strip_figure(*strip, "samples-" + record::safe_name(name_among(studies, *study))),
        fmt::format("{}: the reference, then each engine and cache by the reference's sampler in its number of steps, "
                    "then the fastest of each engine: {} of {} cells.",
                    html_escape(study->title()), strip->rows.size(), study->cells.size()));
    section.details += distances(*strip);
  }
  if (section.shown.empty()) return std::nullopt;
  section.details += note(
      "<b>Distance</b>: |image - the reference's| / |the reference's| in the l2 norm of the pixels, the mean over the "
      "images shown. It says how much a cell changes, not how good an image is; another sampler or number of steps "
      "draws "
      "other images by right.");
  return section;
}

}  // namespace dydit::analysis
