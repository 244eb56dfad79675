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
  std::vector<std::string> metrics{"mse", "vb"}, head{"t"};
  if (gap.models.size() > few || gap.models.front().vb.empty()) metrics.pop_back();
  for (const ModelLoss& model : gap.models)
    head.push_back(html_escape(model.model) + "<br>" + process.words(record::metric("mse").label));
  for (const ModelLoss& model : gap.held_against())
    for (const std::string& name : metrics) {
      const record::MetricInfo& metric = record::metric(name);
      head.push_back(fmt::format("{} −<br>{}<br>{} {}", html_escape(model.model),
                                 html_escape(gap.reference_of(model).model), process.words(metric.label), metric.unit));
      head.push_back("95 % interval");
    }
  std::string rows;
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    std::vector<std::string> fields{time_text(gap.timesteps[k])};
    for (const ModelLoss& model : gap.models) fields.push_back(number(model.mse[k]));
    for (const ModelLoss& model : gap.held_against())
      for (const std::string& metric : metrics) {
        const Interval& difference = (metric == "mse" ? model.mse_gap : model.vb_gap)[k];
        fields.push_back(number(difference.mean));
        fields.push_back(number(difference.low) + " … " + number(difference.high));
      }
    rows += row(fields);
  }
  return table(head, rows);
}

/// Of one model, where its gap is largest, at the noisiest timestep and at that next to the data.
struct Ends {
  Ends(const LossGap& gap, const ModelLoss& model, const Process& process)
      : gaps(model.mse_gap),
        name(html_escape(model.model)),
        reference(html_escape(gap.reference_of(model).model)),
        peak(static_cast<std::size_t>(
            std::max_element(gaps.begin(), gaps.end(),
                             [](const auto& a, const auto& b) { return std::abs(a.mean) < std::abs(b.mean); }) -
            gaps.begin())),
        noise(process.noisiest(gaps.size())),
        peak_time(time_text(gap.timesteps[peak])),
        noise_time(time_text(gap.timesteps[noise])) {}

  const std::vector<Interval>& gaps;
  std::string name, reference;
  std::size_t peak, noise;
  std::string peak_time, noise_time;
};

/// "<b>0.0641 ± 0.0020</b> lower": the reference against a model, from the model's gap.
std::string lower_or_higher(const Interval& gap) {
  return bold({std::abs(gap.mean), gap.low, gap.high}) + (gap.mean < 0 ? " higher" : " lower");
}

std::string sentence(const Ends& e) {
  const std::string text = fmt::format("The loss of {} is {} than that of {} at t&nbsp;=&nbsp;{}", e.reference,
                                       lower_or_higher(e.gaps[e.peak]), e.name, e.peak_time);
  return e.peak == e.noise
             ? text + "."
             : fmt::format("{} and {} at t&nbsp;=&nbsp;{}.", text, lower_or_higher(e.gaps[e.noise]), e.noise_time);
}

/// Is the gap at the noisiest timestep smaller than at its peak?
Judgement shrinks(const Ends& e) {
  const Interval &peak = e.gaps[e.peak], &noise = e.gaps[e.noise], &data = e.gaps[e.gaps.size() - 1 - e.noise];
  if (above(peak) == Judgement::yes && noise.high < peak.low) return Judgement::yes;
  return noise.low > data.high ? Judgement::no : Judgement::cannot_tell;
}

/// The one that a report tells of: of dynamic models that of the tradeoffs, where there is one; else the
/// first.
const ModelLoss* shown_model(const Findings& findings, bool dynamic) {
  const Tradeoff* tradeoff = shown_tradeoff(findings.tradeoffs);
  const ModelLoss* shown = nullptr;
  for (const ModelLoss& model : findings.gap->held_against())
    if (model.dynamic == dynamic && (shown == nullptr || (tradeoff != nullptr && tradeoff->model == model.model)))
      shown = &model;
  return shown;
}

}  // namespace

std::optional<Section> loss_gap_section(const Findings& findings, const Show& show) {
  if (!findings.gap) return std::nullopt;
  const LossGap& gap = *findings.gap;
  const Process& process = findings.process;
  const bool dynamic = std::any_of(gap.models.begin(), gap.models.end(), [](const auto& o) { return o.dynamic; });
  const bool alone = gap.models.size() == 1;
  const std::string last = html_escape(gap.models.back().model);
  Section section{.id = "loss-gap",
                  .title = dynamic ? "At which timesteps does skipping work cost?"
                           : alone ? "How large is the loss, at which timesteps?"
                                   : fmt::format("How much does {} gain, and at which timesteps?", last)};
  if (const ModelLoss* model = shown_model(findings, dynamic)) {
    const Ends ends(gap, *model, process);
    section.answer = sentence(ends);
    section.tile =
        Tile{dynamic ? "Does skipping work cost less near noise?" : "Does a larger model gain less near noise?",
             plus_minus(ends.gaps[ends.peak]),
             fmt::format("loss of {} above {} at t&nbsp;=&nbsp;{}; {} at t&nbsp;=&nbsp;{}", ends.name, ends.reference,
                         ends.peak_time, number(ends.gaps[ends.noise].mean), ends.noise_time),
             shrinks(ends)};
  }
  section.shown = show(
      loss_gap_figure(gap, process),
      alone ? "The loss of the model at each timestep."
      : dynamic
          ? "How much more models that skip work lose than the dense model of their size; bands are "
            "95&nbsp;% intervals."
          : fmt::format("How much more the other models lose than {}; bands are 95&nbsp;% intervals{}", last,
                        &process == &diffusion ? ", the dashed curve is the paper's, scaled to the same peak." : "."));
  std::vector<std::string> clear;
  for (const ModelLoss& model : gap.held_against())
    clear.push_back(fmt::format(
        "{} against {}: the 95&nbsp;% interval is clear of zero at {} of {} timesteps.", html_escape(model.model),
        html_escape(gap.reference_of(model).model),
        std::count_if(model.mse_gap.begin(), model.mse_gap.end(), [](const auto& o) { return o.clear_of_zero(); }),
        model.mse_gap.size()));
  section.details =
      list(clear) +
      note(fmt::format("<b>Loss</b>: {} Every model sees the same {} images with the same noise, so differences are "
                       "paired; the intervals come from 2,000 bootstrap samples of the images.{}",
                       process.words(record::metric("mse").description), grouped(gap.images),
                       dynamic && gap.models.size() > colours + 1
                           ? fmt::format(" Of the dynamic models the first {} are drawn.", colours)
                           : "")) +
      gap_table(gap, process);
  return section;
}

}  // namespace dydit::analysis
