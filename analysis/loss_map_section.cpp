// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

/// At the timestep at which the loss of the model is most concentrated.
static void answer(Section& section, const ModelConcentration& model) {
  const auto most = std::max_element(model.hardest_share.begin(), model.hardest_share.end(), smaller);
  const std::string time = time_text(model.timesteps[static_cast<std::size_t>(most - model.hardest_share.begin())]),
                    name = html_escape(model.model);
  const Interval percent = times(100, *most);
  const double chance = model.chance.hardest_share;
  section.answer = fmt::format(
      "The hardest 20&nbsp;% of the tokens of an image hold {}&nbsp;% of the loss of {} at t&nbsp;=&nbsp;{}, where it "
      "is most concentrated; equally hard tokens would show {:.1f}&nbsp;% by chance.",
      bold(percent), name, time, 100 * chance);
  section.tile = Tile{"Is the loss concentrated in few tokens?", plus_minus(percent) + "&nbsp;%",
                      fmt::format("of the loss of {} in the hardest 20&nbsp;% of the tokens at t&nbsp;=&nbsp;{}; by "
                                  "chance {:.1f}&nbsp;%",
                                  name, time, 100 * chance),
                      above(*most, chance)};
}

std::optional<Section> loss_map_section(const Findings& findings, const Show& show) {
  const auto [shown, each] = maps_of_profile(findings.runs);
  const bool normalise_each = findings.options.normalise_each.value_or(each);
  const auto spreads = concentrations(findings.runs, findings.options.bootstrap_seed);
  const auto grids = map_grids(findings.runs, Mapped::loss, shown);
  if (grids.empty() && spreads.empty()) return std::nullopt;
  Section section{.id = "loss-map", .title = "Where in the image is the loss?"};
  if (!spreads.empty()) answer(section, spreads.back());
  for (const MapGrid& grid : grids)
    (section.shown.empty() ? section.shown : section.details) +=
        show(loss_map_figure(grid, normalise_each, findings.process),
             fmt::format("Where {} errs, pixel by pixel: white where its loss is high.", html_escape(grid.model)));
  if (!spreads.empty())
    section.details += show(concentration_figure(spreads, findings.process),
                            "How unevenly the loss is spread over the tokens; bands are 95&nbsp;% intervals.") +
                       note(described("gini") + described("hardest_share") +
                            fmt::format("Means over {} images; tokens are the model's patches. The dashed line is "
                                        "what the few noise draws alone would make of equally hard tokens "
                                        "(independent Gaussian errors of one variance).",
                                        grouped(spreads.front().images)));
  if (!grids.empty())
    section.details +=
        note(findings.process.words(
                 "<b>Maps</b>: squared epsilon error of each pixel, mean over channels and noise draws. ") +
             (normalise_each ? "Each map has its own scale, from its 1st to its 99th percentile."
                             : "Each timestep has one scale, written below its column: from the 1st to the "
                               "99th percentile over the images shown."));
  return section;
}

}  // namespace dydit::analysis
