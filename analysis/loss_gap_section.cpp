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

std::string gap_table(const LossGap& gap, const Process& process) {
  constexpr std::size_t few = 4;  // of more models the squared error alone
  std::vector<std::string> metrics{"mse", "vb"};
  if (gap.models.size() > few || gap.models.front().vb.empty()) metrics.pop_back();
  std::vector<std::string> head{"t"};
  for (const ModelLoss& model : gap.models)
    head.push_back(
        fmt::format("{}<br>{}", html_escape(model.model), process.words(record::metric("mse").label)));
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty())
      for (const std::string& metric : metrics) {
        head.push_back(fmt::format("{} −<br>{}<br>{} {}", html_escape(model.model),
                                   html_escape(gap.reference_of(model).model),
                                   process.words(record::metric(metric).label), record::metric(metric).unit));
        head.push_back("95 % interval");
      }
  std::string rows;
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    std::vector<std::string> fields{time_text(gap.timesteps[k])};
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

std::string gap_sentence(const LossGap& result, const ModelLoss& model, const Process& process) {
  const auto& gaps = model.mse_gap;
  const std::size_t peak = peak_of(gaps), noise = process.noisiest(gaps.size());
  std::string text = fmt::format("The loss of {} is {} than that of {} at t&nbsp;=&nbsp;{}",
                                 html_escape(result.reference_of(model).model), lower_or_higher(gaps[peak]),
                                 html_escape(model.model), time_text(result.timesteps[peak]));
  if (peak != noise)
    text += fmt::format(" and {} at t&nbsp;=&nbsp;{}", lower_or_higher(gaps[noise]),
                        time_text(result.timesteps[noise]));
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

/// Is the gap at the noisiest timestep smaller than at its peak?
Judgement shrinks(const std::vector<Interval>& gaps, std::size_t noise) {
  const std::size_t peak = peak_of(gaps), data = gaps.size() - 1 - noise;
  if (above(gaps[peak]) == Judgement::yes && gaps[noise].high < gaps[peak].low) return Judgement::yes;
  return gaps[noise].low > gaps[data].high ? Judgement::no : Judgement::cannot_tell;
}

Tile tile_of(const LossGap& gap, const ModelLoss& model, const Process& process) {
  const std::size_t peak = peak_of(model.mse_gap), noise = process.noisiest(model.mse_gap.size());
  return {
      model.dynamic ? "Does skipping work cost less near noise?"
                    : "Does a larger model gain less near noise?",
      plus_minus(model.mse_gap[peak]),
      fmt::format("loss of {} above {} at t&nbsp;=&nbsp;{}; {} at t&nbsp;=&nbsp;{}", html_escape(model.model),
                  html_escape(gap.reference_of(model).model), time_text(gap.timesteps[peak]),
                  number(model.mse_gap[noise].mean), time_text(gap.timesteps[noise])),
      shrinks(model.mse_gap, noise)};
}

}  // namespace

std::optional<Section> loss_gap_section(const Findings& findings, const Show& show) {
  if (!findings.gap) return std::nullopt;
  const LossGap& gap = *findings.gap;
  const Process& process = findings.process;
  const bool dynamic =
      std::any_of(gap.models.begin(), gap.models.end(), [](const auto& model) { return model.dynamic; });
  const bool alone = gap.models.size() == 1;
  Section section{.id = "loss-gap",
                  .title = dynamic ? "At which timesteps does skipping work cost?"
                           : alone ? "How large is the loss, at which timesteps?"
                                   : fmt::format("How much does {} gain, and at which timesteps?",
                                                 html_escape(gap.models.back().model))};
  if (const ModelLoss* model = shown_model(findings, dynamic)) {
    section.answer = gap_sentence(gap, *model, process);
    section.tile = tile_of(gap, *model, process);
  }
  section.shown = show(
      loss_gap_figure(gap, process),
      alone     ? "The loss of the model at each timestep."
      : dynamic ? "How much more models that skip work lose than the dense model of their size; bands are "
                  "95&nbsp;% intervals."
                : "How much more the other models lose than " + html_escape(gap.models.back().model) +
                      "; bands are 95&nbsp;% intervals" +
                      (&process == &diffusion ? ", the dashed curve is the paper's, scaled to the same peak."
                                              : "."));
  std::vector<std::string> clear;
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty()) clear.push_back(clear_sentence(gap, model));
  section.details =
      list(clear) +
      note(fmt::format(
          "<b>Loss</b>: {} Every model sees the same {} images with the same noise, so differences are "
          "paired; the intervals come from 2,000 bootstrap samples of the images.{}",
          process.words(record::metric("mse").description), grouped(gap.images),
          dynamic && gap.models.size() > colours + 1
              ? fmt::format(" Of the dynamic models the first {} are drawn.", colours)
              : "")) +
      gap_table(gap, process);
  return section;
}

}  // namespace dydit::analysis
