// SPDX-License-Identifier: Apache-2.0
#include "findings.h"

#include "chunks.h"

namespace dydit::analysis {

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options) {
  const record::Run& first = runs.front();
  const auto profile = entry(first, first.manifest, "profile", record::Json::object());
  const auto map = entry(first, profile, "loss-map", record::Json::object());
  const auto shown = entry(first, map, "shown", std::size_t{6});
  const bool each = entry(first, map, "normalise_each", false);
  Findings findings{.runs = runs,
                    .gap = loss_gap(runs, options.bootstrap_seed),
                    .concentrations = concentrations(runs, options.bootstrap_seed),
                    .grids = map_grids(runs, Mapped::loss, shown),
                    .curves = learning_curves(runs),
                    .normalise_each = options.normalise_each.value_or(each),
                    .activations = activations(runs, options.bootstrap_seed),
                    .compute = compute_maps(runs, options.bootstrap_seed),
                    .compute_grids = map_grids(runs, Mapped::compute, shown),
                    .speed = speed_studies(runs),
                    .tradeoffs = {}};
  findings.tradeoffs = tradeoffs(findings.gap, findings.curves, findings.speed, options.bootstrap_seed);
  return findings;
}

}  // namespace dydit::analysis
