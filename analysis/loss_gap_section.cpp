// SPDX-License-Identifier: Apache-2.0
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

std::string gap_table(const LossGap& gap) {
  constexpr std::size_t few = 4;  // of more models the squared error alone
  std::vector<std::string> metrics{"mse", "vb"};
  if (gap.models.size() > few) metrics.pop_back();
  std::vector<std::string> head{"t"};
  for (const ModelLoss& model : gap.models)
    head.push_back(fmt::format("{}<br>{}", html_escape(model.model), record::metric("mse").label));
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty())
      for (const std::string& metric : metrics) {
        head.push_back(fmt::format("{} −<br>{}<br>{} {}", html_escape(model.model),
                                   html_escape(gap.reference_of(model).model), record::metric(metric).label,
                                   record::metric(metric).unit));
        head.push_back("95 % interval");
      }
  std::string rows;
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    std::vector<std::string> fields{std::to_string(gap.timesteps[k])};
    for (const ModelLoss& model : gap.models) fields.push_back(number(model.mse[k]));
    for (const ModelLoss& model : gap.models)
      if (!model.mse_gap.empty())
        for (const std::string& metric : metrics) {
          const Interval& difference = (metric == "mse" ? model.mse_gap : model.vb_gap)[k];
          fields.push_back(number(difference.mean));
          fields.push_back(number(difference.low) + " … " + number(difference.high));
        }
    rows += row(fields);
  }
  return table(head, rows);
}

std::size_t peak_of(const std::vector<Interval>& gaps) {
  const auto smaller = [](const Interval& a, const Interval& b) {
    return std::abs(a.mean) < std::abs(b.mean);
  };
  return static_cast<std::size_t>(std::max_element(gaps.begin(), gaps.end(), smaller) - gaps.begin());
}

/// "<b>0.0641 ± 0.0020</b> lower": the reference against a model, from the model's gap.
std::string lower_or_higher(const Interval& gap) {
  return fmt::format("{} {}", bold({std::abs(gap.mean), gap.low, gap.high}),
                     gap.mean < 0 ? "higher" : "lower");
}

std::string gap_sentence(const LossGap& result, const ModelLoss& model) {
  const auto& gaps = model.mse_gap;
  const std::size_t peak = peak_of(gaps);
  std::string text = fmt::format("The loss of {} is {} than that of {} at t&nbsp;=&nbsp;{}",
                                 html_escape(result.reference_of(model).model), lower_or_higher(gaps[peak]),
                                 html_escape(model.model), result.timesteps[peak]);
  if (peak + 1 < gaps.size())
    text += fmt::format(" and {} at t&nbsp;=&nbsp;{}", lower_or_higher(gaps.back()), result.timesteps.back());
  return text + ".";
}

std::string clear_sentence(const LossGap& result, const ModelLoss& model) {
  const auto& gaps = model.mse_gap;
  const auto clear =
      std::count_if(gaps.begin(), gaps.end(), [](const Interval& gap) { return gap.clear_of_zero(); });
  return fmt::format("{} against {}: the 95&nbsp;% interval is clear of zero at {} of {} timesteps.",
                     html_escape(model.model), html_escape(result.reference_of(model).model), clear,
                     gaps.size());
}

/// The one that a report tells of: of dynamic models that of the tradeoffs, where there is one; else the
/// first.
const ModelLoss* shown_model(const Findings& findings, bool dynamic) {
  const Tradeoff* tradeoff = shown_tradeoff(findings.tradeoffs);
  const ModelLoss* shown = nullptr;
  for (const ModelLoss& model : findings.gap->models)
    if (!model.mse_gap.empty() && model.dynamic == dynamic &&
        (shown == nullptr || (tradeoff != nullptr && tradeoff->model == model.model)))
      shown = &model;
  return shown;
}

/// Is the gap at the last timestep smaller than at its peak?
Judgement shrinks(const std::vector<Interval>& gaps) {
  if (above(gaps[peak_of(gaps)]) == Judgement::yes && gaps.back().high < gaps[peak_of(gaps)].low)
    return Judgement::yes;
  return gaps.back().low > gaps.front().high ? Judgement::no : Judgement::cannot_tell;
}

Tile tile_of(const LossGap& gap, const ModelLoss& model) {
  const std::size_t peak = peak_of(model.mse_gap);
  return {model.dynamic ? "Does skipping work cost less near noise?"
                        : "Does a larger model gain less near noise?",
          plus_minus(model.mse_gap[peak]),
          fmt::format("loss of {} above {} at t&nbsp;=&nbsp;{}; {} at t&nbsp;=&nbsp;{}",
                      html_escape(model.model), html_escape(gap.reference_of(model).model),
                      gap.timesteps[peak], number(model.mse_gap.back().mean), gap.timesteps.back()),
          shrinks(model.mse_gap)};
}

}  // namespace

std::optional<Section> loss_gap_section(const Findings& findings, const Show& show) {
  if (!findings.gap) return std::nullopt;
  const LossGap& gap = *findings.gap;
  const bool dynamic =
      std::any_of(gap.models.begin(), gap.models.end(), [](const auto& model) { return model.dynamic; });
  const bool alone = gap.models.size() == 1;
  Section section{.id = "loss-gap",
                  .title = dynamic ? "At which timesteps does skipping work cost?"
                           : alone ? "How large is the loss, at which timesteps?"
                                   : fmt::format("How much does {} gain, and at which timesteps?",
                                                 html_escape(gap.models.back().model))};
  if (const ModelLoss* model = shown_model(findings, dynamic)) {
    section.answer = gap_sentence(gap, *model);
    section.tile = tile_of(gap, *model);
  }
  section.shown = show(
      loss_gap_figure(gap),
      alone ? "The loss of the model at each timestep."
      : dynamic
          ? "How much more models that skip work lose than the dense model of their size; bands are "
            "95&nbsp;% intervals."
          : "How much more the other models lose than " + html_escape(gap.models.back().model) +
                "; bands are 95&nbsp;% intervals, the dashed curve is the paper's, scaled to the same peak.");
  std::vector<std::string> clear;
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty()) clear.push_back(clear_sentence(gap, model));
  section.details =
      list(clear) +
      note(fmt::format(
          "<b>Loss</b>: {} Every model sees the same {} images with the same noise, so differences are "
          "paired; the intervals come from 2,000 bootstrap samples of the images.{}",
          record::metric("mse").description, grouped(gap.images),
          dynamic && gap.models.size() > colours + 1
              ? fmt::format(" Of the dynamic models the first {} are drawn.", colours)
              : "")) +
      gap_table(gap);
  return section;
}

}  // namespace dydit::analysis
