// SPDX-License-Identifier: Apache-2.0
#include "findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "chunks.h"
#include "record/metric.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// "<b>0.0641 ± 0.0020</b> lower": the reference against a model, from the model's gap.
std::string verdict(const Interval& gap) {
  const Interval size{std::abs(gap.mean), gap.low, gap.high};
  return fmt::format("<b>{}</b> {}", plus_minus(size), gap.mean < 0 ? "higher" : "lower");
}

std::string gap_sentence(const LossGap& result, const ModelLoss& model) {
  const auto& gaps = model.mse_gap;
  const auto larger = [](const Interval& a, const Interval& b) {
    return std::abs(a.mean) < std::abs(b.mean);
  };
  const auto peak =
      static_cast<std::size_t>(std::max_element(gaps.begin(), gaps.end(), larger) - gaps.begin());
  const auto clear =
      std::count_if(gaps.begin(), gaps.end(), [](const Interval& gap) { return gap.clear_of_zero(); });
  std::string text = fmt::format("The loss of {} is {} than that of {} at t&nbsp;=&nbsp;{}",
                                 html_escape(result.models.back().model), verdict(gaps[peak]),
                                 html_escape(model.model), result.timesteps[peak]);
  if (peak + 1 < gaps.size())
    text += fmt::format(" and {} at t&nbsp;=&nbsp;{}", verdict(gaps.back()), result.timesteps.back());
  return text +
         fmt::format("; the 95&nbsp;% interval is clear of zero at {} of {} timesteps. ", clear, gaps.size());
}

/// Of many models one sentence instead of one for each.
std::string gaps_sentence(const LossGap& gap) {
  const auto mean = [](const ModelLoss& model) {
    return std::accumulate(model.mse.begin(), model.mse.end(), 0.0) / static_cast<double>(model.mse.size());
  };
  const ModelLoss& reference = gap.models.back();
  std::string list;
  for (const ModelLoss& model : gap.models)
    if (&model != &reference)
      list += fmt::format("{}{} <b>{}{}</b>", list.empty() ? "" : ", ", html_escape(model.model),
                          mean(model) < mean(reference) ? "−" : "+", number(std::abs(mean(model) - mean(reference))));
  return fmt::format("The mean loss of {} over the {} timesteps is <b>{}</b>; that of the others, beside it: {}. ",
                     html_escape(reference.model), gap.timesteps.size(), number(mean(reference)), list);
}

std::string concentration_sentence(const ModelConcentration& model) {
  const auto& shares = model.hardest_share;
  const auto smaller = [](const Interval& a, const Interval& b) { return a.mean < b.mean; };
  const auto most =
      static_cast<std::size_t>(std::max_element(shares.begin(), shares.end(), smaller) - shares.begin());
  const Interval percent{100 * shares[most].mean, 100 * shares[most].low, 100 * shares[most].high};
  return fmt::format(
      "Within an image, the hardest 20&nbsp;% of the tokens hold <b>{}&nbsp;%</b> of the loss of {} at "
      "t&nbsp;=&nbsp;{}, where "
      "it is most "
      "concentrated; equally hard tokens would show {:.1f}&nbsp;% by chance. ",
      plus_minus(percent), html_escape(model.model), model.timesteps[most], 100 * model.chance.hardest_share);
}

std::string learning_sentence(const LearningCurve& curve) {
  const LearningPoint& last = curve.points.back();
  return fmt::format("{} was trained for {} steps; its loss on held-out images is then <b>{}</b>. ",
                     html_escape(curve.model), grouped(last.step), number(last.held_out_mse));
}

/// "less near noise", "more near noise" or "neither less nor more near noise", as an interval says.
std::string less_or_more(const Interval& difference, const char* where) {
  if (!difference.clear_of_zero()) return fmt::format("neither clearly less nor more {}", where);
  return fmt::format("{} {}", difference.mean < 0 ? "less" : "more", where);
}

std::string activation_sentence(const Activation& a) {
  if (a.timesteps.size() < 2) return "";
  const Interval &first = a.kept.front(), &last = a.kept.back();
  return fmt::format(
      "{} computes {}: it keeps <b>{}</b> of its MACs at t&nbsp;=&nbsp;{} and <b>{}</b> at t&nbsp;=&nbsp;{}, and {} at the "
      "noisier half of the timesteps than at the other. ",
      html_escape(a.model), less_or_more(a.kept_near_noise, "near noise"), number(first.mean), a.timesteps.front(),
      number(last.mean), a.timesteps.back(),
      fmt::format("<b>{}</b> {}", plus_minus({std::abs(a.kept_near_noise.mean), a.kept_near_noise.low, a.kept_near_noise.high}),
                  a.kept_near_noise.mean < 0 ? "less" : "more"));
}

std::string compute_sentence(const ComputeMap& map) {
  Interval reversed = map.with_detail_overall;
  reversed = {-reversed.mean, -reversed.high, -reversed.low};
  return fmt::format(
      "{} computes {}: the rank correlation of the share of blocks that work on a token with the detail of the image there "
      "is <b>{}</b>. ",
      html_escape(map.model), less_or_more(reversed, "on plain background"), plus_minus(map.with_detail_overall));
}

std::string training_sentence(const LearningCurve& curve) {
  if (!curve.learns_both()) return "";
  const LearningPoint& last = curve.points.back();
  return fmt::format("{} was trained toward {:g} of its MACs and keeps <b>{}</b> on held-out images, with a loss of <b>{}</b>. ",
                     html_escape(curve.model), last.lambda_target, number(last.lambda_realised), number(last.held_out_mse));
}

using Cells = std::vector<const SpeedCell*>;

template <typename Condition>
Cells cells_where(const SpeedStudy& study, Condition condition) {
  Cells cells;
  for (const SpeedCell& cell : study.cells)
    if (std::isfinite(cell.speedup.mean) && condition(cell)) cells.push_back(&cell);
  return cells;
}

std::string bold(const Interval& interval) {
  return "<b>" + plus_minus(interval) + "</b>";
}

/// "<b>0.95 ± 0.01</b> (tokens, batch 4) to <b>1.02 ± 0.01</b> (both, batch 8)": the least and the most.
template <typename Value>
std::string from_to(const Cells& cells, Value value) {
  const auto [least, most] =
      std::minmax_element(cells.begin(), cells.end(),
                          [&](const auto* a, const auto* b) { return value(*a).mean < value(*b).mean; });
  const auto text = [&](const SpeedCell& cell) {
    const bool named = cell.which == Which::widths || cell.which == Which::tokens || cell.which == Which::both;
    return fmt::format("{} ({}batch {})", bold(value(cell)), named ? fmt::format("{}, ", name_of(cell.which)) : "",
                       cell.batch);
  };
  return least == most ? text(**least) : text(**least) + " to " + text(**most);
}

/// The realisation where the share kept is the nearest to `keep` that the study has.
std::string realisation_sentence(const SpeedStudy& study, double keep) {
  const auto measured = [](const SpeedCell& cell) {
    return cell.engine == Engine::compact && cell.which != Which::all && cell.which != Which::own &&
           cell.which != Which::alike && std::isfinite(cell.realisation.mean);
  };
  const auto distance = [&](const SpeedCell& cell) { return std::abs(cell.keep - keep); };
  const Cells all = cells_where(study, measured);
  if (all.empty()) return "";
  const double nearest = (*std::min_element(all.begin(), all.end(), [&](const auto* a, const auto* b) {
                           return distance(*a) < distance(*b);
                         }))->keep;
  const Cells cells =
      cells_where(study, [&](const auto& cell) { return measured(cell) && cell.keep == nearest; });
  return fmt::format("With {:g} kept, the compact engine realises {} of the theoretical speedup. ", nearest,
                     from_to(cells, [](const SpeedCell& cell) { return cell.realisation; }));
}

/// A trained model's own decisions, and as many by chance.
std::string trained_sentence(const SpeedStudy& study) {
  const auto of = [&](Which which) {
    return cells_where(study, [&](const auto& cell) { return cell.engine == Engine::compact && cell.which == which; });
  };
  const Cells own = of(Which::own), alike = of(Which::alike);
  if (own.empty()) return "";
  const auto realisation = [](const SpeedCell& cell) { return cell.realisation; };
  std::string text = fmt::format("As its routers decide, the compact engine is {} times as fast as the dense model and realises {} "
                                 "of the theoretical speedup",
                                 from_to(own, [](const SpeedCell& cell) { return cell.speedup; }), from_to(own, realisation));
  if (!alike.empty()) text += fmt::format("; with as many units drawn by chance it realises {}", from_to(alike, realisation));
  return text + ". ";
}

std::string over_dense_sentence(const SpeedStudy& study) {
  const auto over_dense = [](const SpeedCell& cell) { return cell.time_over_dense(); };
  std::string text;
  if (const Cells cells = cells_where(
          study, [](const auto& cell) { return cell.engine == Engine::compact && cell.which == Which::all; });
      !cells.empty())
    text +=
        "With everything on it takes " + from_to(cells, over_dense) + " times as long as the dense model. ";
  if (const Cells cells = cells_where(study, [](const auto& cell) { return cell.engine == Engine::masked; });
      !cells.empty())
    text +=
        "Multiplying by masks takes " + from_to(cells, over_dense) + " times as long as the dense model. ";
  return text;
}

std::string waterfall_sentence(const SpeedStudy& study) {
  const SpeedCell* cell = nullptr;
  std::size_t largest = 0;
  const auto bar = [&] { return cell->waterfall->causes[largest]; };
  for (const SpeedCell* shown : shown_waterfalls(study))
    for (std::size_t i = 0; i < waterfall_causes.size(); ++i)
      if (cell == nullptr || shown->waterfall->causes[i].mean > bar().mean) cell = shown, largest = i;
  if (cell == nullptr || bar().mean <= 0) return "";
  return fmt::format(
      "The largest bar of the waterfall is {}: {}&nbsp;ms of a pass of {}&nbsp;ms "
      "({}, batch {}). ",
      record::metric(waterfall_causes[largest]).label, bold(bar()), number(cell->time.mean),
      study.trained() ? std::string(skipped(cell->which)) : fmt::format("{}, {:g} kept", name_of(cell->which), cell->keep),
      cell->batch);
}

std::string speed_sentences(const SpeedStudy& study) {
  const std::string high = realisation_sentence(study, 0.7), low = realisation_sentence(study, 0.5);
  const std::string text =
      high + (low == high ? "" : low) + trained_sentence(study) + over_dense_sentence(study) + waterfall_sentence(study);
  return html_escape(study.title()) + ": " +
         (text.empty() ? "nothing to set against the dense model. " : text);
}

}  // namespace

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options) {
  const record::Run& first = runs.front();
  const auto profile = entry(first, first.manifest, "profile", record::Json::object());
  const auto map = entry(first, profile, "loss-map", record::Json::object());
  const auto shown = entry(first, map, "shown", std::size_t{6});
  const bool each = entry(first, map, "normalise_each", false);
  return {loss_gap(runs, options.bootstrap_seed),
          concentrations(runs, options.bootstrap_seed),
          map_grids(runs, Mapped::loss, shown),
          learning_curves(runs),
          options.normalise_each.value_or(each),
          activations(runs, options.bootstrap_seed),
          compute_maps(runs, options.bootstrap_seed),
          map_grids(runs, Mapped::compute, shown),
          speed_studies(runs),
          failed_speed_cells(runs)};
}

std::string answer(const Findings& findings) {
  std::string text;
  if (findings.gap) {
    constexpr std::size_t few = 4;
    if (findings.gap->models.size() > few)
      text += gaps_sentence(*findings.gap);
    else
      for (const ModelLoss& model : findings.gap->models)
        if (!model.mse_gap.empty()) text += gap_sentence(*findings.gap, model);
    text +=
        fmt::format("Means over {} images, the same noise for every model. ", grouped(findings.gap->images));
  }
  if (!findings.concentrations.empty()) text += concentration_sentence(findings.concentrations.back());
  for (const Activation& activation : findings.activations) text += activation_sentence(activation);
  for (const ComputeMap& map : findings.compute) text += compute_sentence(map);
  for (const LearningCurve& curve : findings.curves) text += training_sentence(curve);
  constexpr std::ptrdiff_t few_studies = 3;  // the table of trained models tells more of them
  const auto trained =
      std::count_if(findings.speed.begin(), findings.speed.end(), [](const SpeedStudy& study) { return study.trained(); });
  for (const SpeedStudy& study : findings.speed)
    if (!study.trained() || trained <= few_studies) text += speed_sentences(study);
  if (findings.failed_speed > 0)
    text += fmt::format("{} of the speed cells have no result: they are named below. ",
                        grouped(findings.failed_speed));
  if (text.empty())
    for (const LearningCurve& curve : findings.curves) text += learning_sentence(curve);
  return text.empty() ? "The run holds no study that a report shows." : text;
}

std::string training_table(const std::vector<LearningCurve>& curves) {
  const auto cell = [](const std::string& text) { return "<td>" + text + "</td>"; };
  std::string html = "<div class=\"scroll\"><table class=\"speed\"><thead><tr>";
  for (const char* head : {"model", "decided by", "skips", "target λ", "λ", "heads", "groups", "tokens", "held-out<br>ε MSE",
                           "complete<br>model", "steps"})
    html += fmt::format("<th scope=\"col\">{}</th>", head);
  html += "</tr></thead>\n<tbody>\n";
  for (const LearningCurve& curve : curves) {
    const LearningPoint& last = curve.points.back();
    const std::string decided = curve.decide == "static" ? "static, " + curve.order : curve.dynamic() ? curve.decide : "–";
    html += "<tr><th scope=\"row\">" + html_escape(curve.model) + "</th>" + cell(html_escape(decided)) +
            cell(curve.dynamic() ? html_escape(curve.skip) : "–");
    for (const double value : {last.lambda_target, last.lambda_realised, last.heads, last.groups, last.tokens})
      html += cell(std::isfinite(value) ? fmt::format("{:.3f}", value) : "–");
    for (const double value : {last.held_out_mse, last.complete_mse})
      html += cell(std::isfinite(value) ? fmt::format("{:.5f}", value) : "–");
    html += cell(grouped(last.step)) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string gap_table(const LossGap& gap) {
  const auto head = [](const std::string& text) { return "<th scope=\"col\">" + text + "</th>"; };
  std::string html = "<table><thead><tr>" + head("t");
  for (const ModelLoss& model : gap.models)
    html += head(fmt::format("{}<br>{}", html_escape(model.model), record::metric("mse").label));
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty())
      for (const char* metric : {"mse", "vb"})
        html += head(fmt::format("{} −<br>{}<br>{} {}", html_escape(model.model),
                                 html_escape(gap.models.back().model), record::metric(metric).label,
                                 record::metric(metric).unit)) +
                head("95 % interval");
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", gap.timesteps[k]);
    for (const ModelLoss& model : gap.models) html += fmt::format("<td>{}</td>", number(model.mse[k]));
    for (const ModelLoss& model : gap.models)
      if (!model.mse_gap.empty())
        for (const Interval& difference : {model.mse_gap[k], model.vb_gap[k]})
          html += fmt::format("<td>{}</td><td>{} … {}</td>", number(difference.mean), number(difference.low),
                              number(difference.high));
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

}  // namespace dydit::analysis
