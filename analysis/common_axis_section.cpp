// SPDX-License-Identifier: Apache-2.0
// Several processes on the axis of log signal-to-noise: figures, and what their comparison says.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/figures.h"
#include "html.h"
#include "plot_style.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

using Curves = std::vector<CommonCurve>;

std::size_t place_in(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::vector<std::string> names_of(const Curves& curves, std::string CommonCurve::*name) {
  std::vector<std::string> names;
  for (const CommonCurve& curve : curves)
    if (place_in(names, curve.*name) == names.size()) names.push_back(curve.*name);
  return names;
}

/// As many models as there are colours can be told apart; the first ones of each kind.
Curves drawn(const Curves& curves) {
  auto models = names_of(curves, &CommonCurve::model);
  models.resize(std::min(models.size(), colours));
  Curves some = curves;
  std::erase_if(some, [&](const CommonCurve& curve) { return place_in(models, curve.model) == models.size(); });
  return some;
}

/// A panel of the curves of one kind, from column `field` of the CSV on: a colour for each model; lines, points and
/// their shape for each process. All curves are in its key.
std::string plot_of(const Curves& curves, bool dynamic, int field) {
  constexpr std::array dashes{"1", "(6,3)", "(2,2)"};
  constexpr std::array points{7, 6, 5};
  std::string bands, lines, keys;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const CommonCurve& curve = curves[i];
    const std::size_t process = place_in(names_of(curves, &CommonCurve::process), curve.process) % dashes.size();
    const std::string colour =
        fmt::format("linetype {}", place_in(names_of(curves, &CommonCurve::model), curve.model) + 1);
    const std::string style = fmt::format("with linespoints {} dashtype {} pointtype {} pointsize 0.6", colour,
                                          dashes[process], points[process]);
    keys += fmt::format(", \\\n  keyentry {} title model[{}]", style, i + 1);
    if (curve.dynamic != dynamic || (field > 3 && curve.noise.empty())) continue;
    const std::string rows = fmt::format(", \\\n  data skip 1 every ::first[{0}]::last[{0}] using 1:", i + 1);
    bands += fmt::format("{}{}:{} with filledcurves {} notitle", rows, field + 1, field + 2, colour);
    lines += fmt::format("{}{} {} notitle", rows, field, style);
  }
  return "plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle" + bands + lines + keys;
}

/// The gaps of each kind over log signal-to-noise, in percent of the loss or in noise error.
Figure common_axis_figure(const Curves& curves, bool noise) {
  std::vector<Series> series;
  Range range{curves.front().log_snr.front(), curves.front().log_snr.back()};
  for (const CommonCurve& curve : curves) {
    series.push_back({curve.name(), curve.times.size()});
    for (const double place : curve.log_snr) range.include(place);
  }
  // Linear near 0, logarithmic beyond: a percentage of next to nothing is large, and would flatten all others.
  const std::string axis =
      noise ? "set ylabel 'noise error above it' offset 0.5\n" : R"(set nonlinear y via asinh(y) inverse sinh(y)
set ytics (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 300, 1000)
set ylabel 'loss above it (%)' offset 0.5
)";
  std::vector<CurvePanel> panels;
  for (const bool dynamic : {false, true})
    if (std::any_of(curves.begin(), curves.end(), [&](const CommonCurve& curve) { return curve.dynamic == dynamic; }))
      panels.push_back({255, axis + plot_of(curves, dynamic, noise ? 6 : 3),
                        dynamic ? "models that skip work against the dense model of their size"
                                : "smaller models against the largest"});
  return stacked(
      {.name = noise ? "common-axis-noise" : "common-axis",
       .description =
           std::string("How much more models lose than their reference against the log of signal-to-noise, ") +
           (noise ? "in squared error of the noise." : "in percent of the reference's loss."),
       .csv = to_csv(curves)},
      series, {},
      {"log of signal-to-noise (left: noise, right: data)", Range{range.low - 0.2, range.high + 0.2}.text()}, panels);
}

const ModelLoss* loss_of(const Findings& findings, const std::string& model) {
  if (!findings.gap) return nullptr;
  const auto losses = findings.gap->held_against();
  const auto found =
      std::find_if(losses.begin(), losses.end(), [&](const ModelLoss& loss) { return loss.model == model; });
  return found == losses.end() ? nullptr : &*found;
}

/// By how much it loses more than its reference, in percent of that one's mean loss.
Interval percent_of(const Findings& findings, const ModelLoss& loss) {
  return times(100 / findings.gap->reference_of(loss).mean_mse(), loss.mean_gap);
}

/// The model that is held against that of the same name in another process: what a report puts first, else the first
/// that both have; null for none.
const ModelLoss* compared(const Findings& one, const Findings& other) {
  if (const Tradeoff* shown = shown_tradeoff(one.tradeoffs))
    if (const ModelLoss* loss = loss_of(one, shown->model); loss != nullptr && loss_of(other, shown->model) != nullptr)
      return loss;
  for (const ModelLoss& loss : one.gap ? one.gap->held_against() : std::span<const ModelLoss>())
    if (loss_of(other, loss.model) != nullptr) return &loss;
  return nullptr;
}

/// How the model's curves of two processes differ under equal noise; nothing where they share no place.
std::optional<Difference> under_equal_noise(const Curves& curves, const Findings& one, const Findings& other,
                                            const std::string& model) {
  const auto curve_of = [&](const std::string& process) {
    return std::ranges::find_if(curves, [&](const auto& o) { return o.process == process && o.model == model; });
  };
  const auto a = curve_of(one.title), b = curve_of(other.title);
  if (a == curves.end() || b == curves.end()) return std::nullopt;
  const Difference found = difference(*a, *b);
  return found.places == 0 ? std::nullopt : std::optional(found);
}

/// Adds sentences to the answer, and the first time a tile. Means are of errors that each process weighs in its own
/// way, so the judgement is that of equal noise.
void compare(Section& section, const Curves& curves, const Findings& one, const Findings& other,
             const ModelLoss& loss) {
  const std::string first = html_escape(one.title), second = html_escape(other.title), model = html_escape(loss.model);
  section.answer += fmt::format(
      "{}In {}, {} loses {}&nbsp;% more than {}; in {} {}&nbsp;%, each in the mean of its own error over its own "
      "times.",
      section.answer.empty() ? "" : " ", first, model, bold(percent_of(one, loss)),
      html_escape(one.gap->reference_of(loss).model), second, bold(percent_of(other, *loss_of(other, loss.model))));
  const auto found = under_equal_noise(curves, one, other, loss.model);
  if (!found) return;
  const std::string larger = fmt::format("{} of {} times", found->larger, found->places);
  section.answer += fmt::format(
      " Under equal noise it loses clearly more in {} at {}, in percent of the loss of the reference there, and "
      "clearly less at {}.",
      second, larger, found->smaller);
  if (section.tile) return;
  const Judgement more = found->larger > 0 && found->smaller > 0 ? Judgement::in_part
                         : found->larger > 0                     ? Judgement::yes
                         : found->smaller > 0                    ? Judgement::no
                                                                 : Judgement::cannot_tell;
  section.tile = {
      fmt::format("Does {} cost more in {} than in {}?", loss.dynamic ? "skipping work" : "a smaller model", second,
                  first),
      "at " + larger,
      fmt::format("clearly more, under equal noise and in percent of the reference's loss; clearly less at {}: {}",
                  found->smaller, model),
      more};
}

/// What each model costs in each process, those of one name below each other; empty unless several processes
/// have any.
std::string costs_table(const std::vector<Findings>& all) {
  std::vector<std::pair<std::string, std::string>> rows;  // of each model, in the order of the first process
  const auto with_losses = std::count_if(all.begin(), all.end(), [](const Findings& o) { return o.gap.has_value(); });
  for (const Findings& findings : all)
    for (const ModelLoss& model : findings.gap ? findings.gap->held_against() : std::span<const ModelLoss>()) {
      const ModelLoss& reference = findings.gap->reference_of(model);
      const Tradeoff* tradeoff = tradeoff_of(findings.tradeoffs, model.model);
      auto of_model = std::find_if(rows.begin(), rows.end(), [&](const auto& o) { return o.first == model.model; });
      if (of_model == rows.end()) of_model = rows.insert(rows.end(), {model.model, ""});
      of_model->second += row({html_escape(model.model), html_escape(findings.title), html_escape(reference.model),
                               tradeoff == nullptr ? "–" : decimal(tradeoff->lambda, 3),
                               plus_minus(percent_of(findings, model)), plus_minus(model.mean_gap)});
    }
  std::string html;
  for (const auto& [model, text] : rows) html += text;
  return with_losses < 2
             ? ""
             : "<h3>What each model costs in each process</h3>\n" +
                   table({"model", "process", "against", "λ", "loss above<br>it (%)", "loss<br>above it"}, html);
}

}  // namespace

std::optional<Section> common_axis_section(const std::vector<Findings>& all, const Show& show) {
  Curves curves;
  std::vector<std::string> left_out;
  for (const Findings& findings : all) {
    const auto own = findings.gap ? common_curves(findings.title, *findings.gap) : Curves{};
    curves.insert(curves.end(), own.begin(), own.end());
    if (own.empty()) left_out.push_back(findings.title);
  }
  Section section{.id = "common-axis", .title = "Is one process as redundant as the other?"};
  for (std::size_t i = 1; i < all.size(); ++i)
    if (const ModelLoss* loss = compared(all.front(), all[i])) compare(section, curves, all.front(), all[i], *loss);
  if (section.answer.empty()) section.answer = "The processes have no model in common.";
  if (!curves.empty()) {
    const Curves some = drawn(curves);
    section.shown =
        show(common_axis_figure(some, false),
             "How much more each model loses than its reference, in percent of the reference's loss at the same "
             "time, on an axis that is linear near 0 and logarithmic beyond; bands are 95&nbsp;% intervals.");
    if (std::any_of(some.begin(), some.end(), [](const CommonCurve& curve) { return !curve.noise.empty(); }))
      section.details =
          show(common_axis_figure(some, true),
               "The same differences in squared error of the noise, which all processes can be held to; bands are "
               "95&nbsp;% intervals.");
    if (some.size() < curves.size())
      section.details += note(fmt::format("Of the models the first {} are drawn.", colours));
  }
  if (!left_out.empty())
    section.shown +=
        note(html_escape(listed(left_out)) + ": left out, for want of losses with the signal-to-noise of their times.");
  section.details +=
      costs_table(all) +
      note(
          "<b>Log of signal-to-noise</b>: the natural logarithm of the power of the image over that of the noise, at "
          "each time of a process. Percentages take the reference's loss as known. In the table and above they are of "
          "means over the times that were studied, each process by the error that it trains.");
  return section;
}

}  // namespace dydit::analysis
