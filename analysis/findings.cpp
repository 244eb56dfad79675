// SPDX-License-Identifier: Apache-2.0
#include "findings.h"

namespace dydit::analysis {

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options) {
  Findings findings{.runs = runs,
                    .process = process_of(runs.front()),
                    .options = options,
                    .gap = loss_gap(runs, options.bootstrap_seed),
                    .curves = learning_curves(runs),
                    .speed = speed_studies(runs),
                    .tradeoffs = {}};
  findings.tradeoffs = tradeoffs(findings.gap, findings.curves, findings.speed, options.bootstrap_seed);
  return findings;
}

}  // namespace dydit::analysis
