// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures.h"
#include "html.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

bool computes_all(const MapGrid& grid) {
  // Shares of blocks are sums of a few draws: what is 1 but for its rounding is 1.
  for (const MapRow& row : grid.rows)
    for (const auto& map : row.maps)
      for (const float share : map)
        if (!(share > 0.99999F)) return false;
  return true;
}

/// The map, or a sentence in the place of one that has nothing to show.
std::string map_of(const MapGrid& grid, const Show& show) {
  const std::string name = html_escape(grid.model);
  if (computes_all(grid))
    return fmt::format("<p>{} computes every token in every block, at every timestep shown.</p>\n", name);
  return show(compute_map_figure(grid),
              fmt::format("Where {} computes: the share of its blocks whose MLP works on each token.", name));
}

/// "0.336 ± 0.032 (t = 20) down to −0.224 ± 0.027 (t = 400)".
std::string highest_and_lowest(const std::vector<double>& timesteps, const std::vector<Interval>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end(), smaller);
  const auto text = [&](auto at) {
    return fmt::format("{} (t&nbsp;=&nbsp;{})", bold(*at),
                       time_text(timesteps[static_cast<std::size_t>(at - values.begin())]));
  };
  return low == high ? text(low) : text(high) + " down to " + text(low);
}

std::string sentence(const ComputeMap& map) {
  const auto clear = [&](Judgement judgement) {
    return std::count_if(map.with_detail.begin(), map.with_detail.end(),
                         [&](const Interval& r) { return above(r) == judgement; });
  };
  return fmt::format(
      "{}: with the detail from {}, clearly positive at {} and negative at {} of {} timesteps; with the loss from {}.",
      html_escape(map.model), highest_and_lowest(map.timesteps, map.with_detail), clear(Judgement::yes),
      clear(Judgement::no), map.timesteps.size(), highest_and_lowest(map.timesteps, map.with_loss));
}

}  // namespace

std::optional<Section> compute_section(const Findings& findings, const Show& show) {
  const auto maps = compute_maps(findings.runs, findings.options.bootstrap_seed);
  if (maps.empty()) return std::nullopt;
  Section section{.id = "compute", .title = "Where in the image does a dynamic model compute?"};
  std::vector<Named> with_detail;
  std::vector<std::string> sentences;
  for (const ComputeMap& map : maps) {
    with_detail.push_back({map.model, map.mean_with_detail});
    sentences.push_back(sentence(map));
  }
  section.answer = fmt::format("How many blocks work on a token correlates with the detail of the image there by {}.",
                               from_to(with_detail));
  section.tile = tile_of("Is less computed on plain background?", with_detail,
                         "rank correlation of the blocks at work on a token with the detail there: ");
  const auto grids = map_grids(findings.runs, Mapped::compute, maps_of_profile(findings.runs).shown);
  for (const ComputeMap* map : shown_first(findings, maps))
    for (const MapGrid& grid : grids)
      if (grid.model == map->model) (section.shown.empty() ? section.shown : section.details) += map_of(grid, show);
  section.details +=
      show(compute_curves_figure(maps, findings.process),
           "How much of the image is worked on, and whether that goes with its detail and with the loss; bands are "
           "95&nbsp;% intervals.") +
      list(sentences) +
      note(fmt::format(
          "Means over {} images. Spearman's rank correlation over the tokens of an image, of the share of the blocks "
          "that work on a token with the standard deviation of the image within its patch (positive: less is computed "
          "on plain background), and with the token's loss in the same passes; an image whose tokens are all treated "
          "alike counts as 0. In the answer, the mean over the timesteps.",
          grouped(maps.front().images)));
  return section;
}

}  // namespace dydit::analysis
