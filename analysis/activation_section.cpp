// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "analysis/figures.h"
#include "html.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// By how many percentage points less of the MACs is kept at the noisier half of the timesteps.
std::vector<Named> less_near_noise(const std::vector<Activation>& activations) {
  std::vector<Named> less;
  for (const Activation& a : activations)
    if (const Interval& more = a.kept_near_noise; a.timesteps.size() > 1)
      less.push_back({a.model, {-100 * more.mean, -100 * more.high, -100 * more.low}});
  return less;
}

std::string ends_sentence(const Activation& a) {
  return fmt::format("{} keeps {} of the MACs of its blocks at t&nbsp;=&nbsp;{} and {} at t&nbsp;=&nbsp;{}.",
                     html_escape(a.model), number(a.kept.front().mean), time_text(a.timesteps.front()),
                     number(a.kept.back().mean), time_text(a.timesteps.back()));
}

bool has_grey(const Activation& a) {
  return std::any_of(a.units.begin(), a.units.end(), [&](const UnitShares& units) {
    return static_cast<std::size_t>(units.shares.cols()) < a.depth;
  });
}

/// "Heads and channel groups depend on the timestep alone; tokens and MACs are"
std::string what_depends(std::span<const record::Run> runs) {
  const auto on_time = unit_labels(runs, false);
  auto means = unit_labels(runs, true);
  means.push_back("MACs");
  std::string text =
      (on_time.empty() ? "" : listed(on_time) + " depend on the timestep alone; ") + listed(means) + " are";
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return html_escape(text);
}

}  // namespace

std::optional<Section> activation_section(const Findings& findings, const Show& show) {
  const auto all = activations(findings.runs, findings.options.bootstrap_seed);
  if (all.empty()) return std::nullopt;
  Section section{.id = "activation", .title = "What is on, at which timesteps?"};
  if (const auto less = less_near_noise(all); !less.empty()) {
    section.answer = fmt::format(
        "At the noisier half of the timesteps, the share of the MACs kept is lower than at the "
        "other half by {} percentage points.",
        from_to(less));
    section.tile =
        Tile{"Is less computed near noise?", plus_minus(least(less).value),
             fmt::format("percentage points of the MACs less at the noisier half of the timesteps: {}",
                         least_of(less) + how_many_above(less)),
             all_above(less)};
  }
  std::vector<std::string> ends;
  for (const Activation* activation : shown_first(findings, all)) {
    const std::string html =
        show(activation_figure(*activation, findings.process),
             fmt::format(
                 "What {} has on: above, by block{}; below, in all, and the share of the MACs that follows.",
                 html_escape(activation->model),
                 has_grey(*activation) ? ", grey where it has no such units" : ""));
    (section.shown.empty() ? section.shown : section.details) += html;
    ends.push_back(ends_sentence(*activation));
  }
  section.details +=
      list(ends) +
      note(fmt::format("{} means over {} images, with 95&nbsp;% intervals. What is always on is included.",
                       what_depends(findings.runs), grouped(all.front().images)));
  return section;
}

}  // namespace dydit::analysis
