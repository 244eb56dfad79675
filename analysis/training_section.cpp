// SPDX-License-Identifier: Apache-2.0
// How dynamic models were trained toward a share of the MACs, and how far dense ones were trained.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures.h"
#include "html.h"
#include "plot_style.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

std::vector<LearningCurve> curves_of(const Findings& findings, bool dynamic) {
  std::vector<LearningCurve> curves;
  for (const LearningCurve& curve : findings.curves)
    if (curve.dynamic() == dynamic) curves.push_back(curve);
  return curves;
}

std::string training_table(const std::vector<LearningCurve>& curves, const Process& process) {
  const auto axes = unit_axes(curves);
  std::vector<std::string> head{"model", "target λ", "λ"};
  for (const UnitAxis& axis : axes) head.push_back(html_escape(axis.label));
  head.insert(head.end(), {process.words("held-out<br>ε MSE"), "complete<br>model", "steps"});
  std::string rows;
  for (const LearningCurve& curve : curves) {
    const LearningPoint& last = curve.points.back();
    std::vector<std::string> fields{html_escape(curve.model)};
    for (const double share : {last.lambda_target, last.lambda_realised}) fields.push_back(decimal(share, 3));
    for (const UnitAxis& axis : axes) fields.push_back(decimal(last.on(axis), 3));
    fields.push_back(decimal(last.held_out_mse, 5));
    fields.push_back(decimal(last.complete_mse, 5));
    fields.push_back(grouped(last.step));
    rows += row(fields);
  }
  return table(head, rows);
}

}  // namespace

std::optional<Section> share_section(const Findings& findings, const Show& show) {
  const auto curves = curves_of(findings, true);
  if (curves.empty()) return std::nullopt;
  double farthest = 0;
  for (const LearningCurve& curve : curves) {
    const LearningPoint& last = curve.points.back();
    farthest = std::fmax(farthest, std::abs(last.lambda_realised - last.lambda_target));  // not a number is none
  }
  Section section{.id = "share", .title = "What did training toward a share of the MACs reach?"};
  section.answer =
      fmt::format("The models, {} in all, end within <b>{:.3f}</b> of the share that they were trained toward.",
                  curves.size(), farthest);
  if (std::any_of(curves.begin(), curves.end(), [](const auto& curve) { return curve.learns_both(); }))
    section.shown = show(lambda_figure(findings.curves, findings.process),
                         "Above, the share of the MACs on the way to its target; below, the loss on held-out images.");
  (section.shown.empty() ? section.shown : section.details) += training_table(curves, findings.process);
  section.details += note(
      described("lambda_realised") +
      fmt::format("All on held-out images, by the averaged weights; in the table, after the last step. <b>Complete "
                  "model</b>: everything on. Of models whose routers choose among widths and tokens the first {} are "
                  "drawn.",
                  colours));
  return section;
}

std::optional<Section> learning_section(const Findings& findings, const Show& show) {
  const auto curves = curves_of(findings, false);
  if (curves.empty()) return std::nullopt;
  std::vector<Named> losses;
  for (const LearningCurve& curve : curves) {
    const LearningPoint& last = curve.points.back();
    losses.push_back(
        {fmt::format("{}, {} steps", curve.model, grouped(last.step)), {last.held_out_mse, missing, missing}});
  }
  Section section{.id = "learning", .title = "How far were the models trained?"};
  section.answer = fmt::format("The loss on held-out images is {} at the end.", from_to(losses));
  section.shown = show(learning_figure(curves, findings.process),
                       "The loss over the training: bold on held-out images, faint on the training batches.");
  section.details = note(findings.process.words(described("held_out_mse")));
  return section;
}

}  // namespace dydit::analysis
