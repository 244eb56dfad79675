// SPDX-License-Identifier: Apache-2.0
#include "findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chunks.h"
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
                                 html_escape(result.reference_of(model).model), verdict(gaps[peak]),
                                 html_escape(model.model), result.timesteps[peak]);
  if (peak + 1 < gaps.size())
    text += fmt::format(" and {} at t&nbsp;=&nbsp;{}", verdict(gaps.back()), result.timesteps.back());
  return text +
         fmt::format("; the 95&nbsp;% interval is clear of zero at {} of {} timesteps. ", clear, gaps.size());
}

/// The models that skip work and keep about as much as the one nearest to one half.
std::string outcome_sentence(const std::vector<Outcome>& outcomes) {
  const auto distance = [](const Outcome& o) {
    return o.loss_percent && std::isfinite(o.lambda) ? std::abs(o.lambda - 0.5) : 1.0;
  };
  const auto nearest =
      std::min_element(outcomes.begin(), outcomes.end(),
                       [&](const Outcome& a, const Outcome& b) { return distance(a) < distance(b); });
  if (nearest == outcomes.end() || distance(*nearest) == 1) return "";
  std::string list;
  for (const Outcome& o : outcomes)
    if (distance(o) < 1 && std::abs(o.lambda - nearest->lambda) < 0.05)
      list += fmt::format("{}<b>{}&nbsp;%</b> ({})", list.empty() ? "" : ", ", plus_minus(*o.loss_percent),
                          html_escape(o.model));
  return fmt::format(
      "Where about {:.1f} of the MACs are kept, the mean loss over the timesteps is above that of the dense "
      "model of that size by {}. ",
      nearest->lambda, list);
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

/// What several models show, one after the other; empty for none.
template <typename Models, typename Part>
std::string listed(const std::string& introduction, const Models& models, Part part) {
  std::string list;
  for (const auto& model : models)
    if (const std::string text = part(model); !text.empty()) list += (list.empty() ? "" : "; ") + text;
  return list.empty() ? "" : introduction + ": " + list + ". ";
}

/// "0.184 ± 0.001 less": of a difference below zero.
std::string less_or_more(const Interval& difference) {
  const Interval size{std::abs(difference.mean), difference.low, difference.high};
  return fmt::format("<b>{}</b> {}", plus_minus(size), difference.mean < 0 ? "less" : "more");
}

std::string activation_part(const Activation& a) {
  if (a.timesteps.size() < 2) return "";
  return fmt::format(
      "{} keeps {} of its MACs at t&nbsp;=&nbsp;{} and {} at t&nbsp;=&nbsp;{}, and {} at the noisier half of "
      "the timesteps than at the other",
      html_escape(a.model), number(a.kept.front().mean), a.timesteps.front(), number(a.kept.back().mean),
      a.timesteps.back(), less_or_more(a.kept_near_noise));
}

/// "0.336 ± 0.032 (t = 20) down to −0.224 ± 0.027 (t = 400)".
std::string highest_and_lowest(const std::vector<std::int64_t>& timesteps,
                               const std::vector<Interval>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end(),
                                               [](const auto& a, const auto& b) { return a.mean < b.mean; });
  const auto text = [&](auto at) {
    return fmt::format("<b>{}</b> (t&nbsp;=&nbsp;{})", plus_minus(*at),
                       timesteps[static_cast<std::size_t>(at - values.begin())]);
  };
  return low == high ? text(low) : text(high) + " down to " + text(low);
}

std::string compute_part(const ComputeMap& map) {
  const auto clear = [&](bool positive) {
    return std::count_if(map.with_detail.begin(), map.with_detail.end(),
                         [&](const Interval& r) { return r.clear_of_zero() && (r.mean > 0) == positive; });
  };
  return fmt::format(
      "{} from {}, clearly positive at {} and negative at {} of {} timesteps, and with the loss there from "
      "{}",
      html_escape(map.model), highest_and_lowest(map.timesteps, map.with_detail), clear(true), clear(false),
      map.timesteps.size(), highest_and_lowest(map.timesteps, map.with_loss));
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
    const bool named =
        cell.which == Which::widths || cell.which == Which::tokens || cell.which == Which::both;
    return fmt::format("{} ({}batch {})", bold(value(cell)),
                       named ? fmt::format("{}, ", name_of(cell.which)) : "", cell.batch);
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
std::string trained_part(const SpeedStudy& study) {
  const auto of = [&](Which which) {
    return cells_where(
        study, [&](const auto& cell) { return cell.engine == Engine::compact && cell.which == which; });
  };
  const Cells own = of(Which::own), alike = of(Which::alike);
  if (own.empty()) return "";
  const SpeedCell& cell = *own.back();  // of the largest batch
  const auto same_batch =
      std::find_if(alike.begin(), alike.end(), [&](const auto* other) { return other->batch == cell.batch; });
  return fmt::format("{} ({}, {}, batch {}) {} times as fast, η {}", html_escape(study.model), study.dtype,
                     study.device, cell.batch, bold(cell.speedup), bold(cell.realisation)) +
         (same_batch == alike.end()
              ? ""
              : fmt::format(" (masks by chance: {})", plus_minus((*same_batch)->realisation)));
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

/// The largest bar that is clear of zero, among the waterfalls whose gap is.
std::string waterfall_sentence(const SpeedStudy& study) {
  const SpeedCell* cell = nullptr;
  std::size_t largest = 0;
  const auto shown = shown_waterfalls(study);
  const auto bar = [&] { return cell->waterfall->causes[largest]; };
  for (const SpeedCell* each : shown)
    for (std::size_t i = 0; each->waterfall->told() && i < waterfall_causes.size(); ++i)
      if (const Interval& cause = each->waterfall->causes[i];
          cause.low > 0 && (cell == nullptr || cause.mean > bar().mean))
        cell = each, largest = i;
  if (shown.empty()) return "";
  if (cell == nullptr)
    return "Where the rest of the time goes cannot be told: no bar of the waterfall is clear of zero where the gap is. ";
  return fmt::format(
      "The largest bar of the waterfall is {}: {}&nbsp;ms of a pass of {}&nbsp;ms "
      "({}, {:g} kept, batch {}). ",
      waterfall_causes[largest].label, bold(bar()), number(cell->time.mean), name_of(cell->which), cell->keep,
      cell->batch);
}

std::string speed_sentences(const SpeedStudy& study) {
  const std::string high = realisation_sentence(study, 0.7), low = realisation_sentence(study, 0.5);
  const std::string text =
      high + (low == high ? "" : low) + over_dense_sentence(study) + waterfall_sentence(study);
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
  Findings findings{.gap = loss_gap(runs, options.bootstrap_seed),
                    .concentrations = concentrations(runs, options.bootstrap_seed),
                    .grids = map_grids(runs, Mapped::loss, shown),
                    .curves = learning_curves(runs),
                    .normalise_each = options.normalise_each.value_or(each),
                    .activations = activations(runs, options.bootstrap_seed),
                    .compute = compute_maps(runs, options.bootstrap_seed),
                    .compute_grids = map_grids(runs, Mapped::compute, shown),
                    .speed = speed_studies(runs),
                    .failed_speed = failed_speed_cells(runs),
                    .outcomes = {}};
  findings.outcomes = outcomes(findings.gap, findings.curves, findings.speed, options.bootstrap_seed);
  return findings;
}

std::string answer(const Findings& findings) {
  std::string html;
  const auto paragraph = [&](const std::string& text) {
    if (!text.empty()) html += "<p class=\"answer\">" + text + "</p>\n";
  };
  std::string losses;
  if (findings.gap) {
    for (const ModelLoss& model : findings.gap->models)
      if (!model.mse_gap.empty() && !model.dynamic) losses += gap_sentence(*findings.gap, model);
    losses += outcome_sentence(findings.outcomes);
    losses +=
        fmt::format("Means over {} images, the same noise for every model. ", grouped(findings.gap->images));
  }
  if (!findings.concentrations.empty()) losses += concentration_sentence(findings.concentrations.back());
  paragraph(losses);

  paragraph(listed("Computation near noise", findings.activations, activation_part));
  paragraph(
      listed("Computation on plain background, by the rank correlation of the share of blocks that work on a "
             "token with "
             "the detail of the image there (positive: less on plain background)",
             findings.compute, compute_part));

  constexpr std::ptrdiff_t few = 4;  // of more the table tells
  const auto trained = std::count_if(findings.speed.begin(), findings.speed.end(),
                                     [](const SpeedStudy& study) { return study.trained(); });
  std::string speed;
  if (trained <= few)
    speed = listed("The compact engine against the dense model, as the routers of trained models decide",
                   findings.speed, trained_part);
  for (const SpeedStudy& study : findings.speed)
    if (!study.trained()) speed += speed_sentences(study);
  if (findings.failed_speed > 0)
    speed += fmt::format("{} of the speed cells have no result: they are named below. ",
                         grouped(findings.failed_speed));
  paragraph(speed);
  if (html.empty()) {
    std::string learned;
    for (const LearningCurve& curve : findings.curves) learned += learning_sentence(curve);
    paragraph(learned.empty() ? "The run holds no study that a report shows." : learned);
  }
  return html;
}

}  // namespace dydit::analysis
