// SPDX-License-Identifier: Apache-2.0
// What the runs show: everything a report computes, before it is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"
#include "analysis/report.h"

namespace dydit::analysis {

struct Findings {
  std::optional<LossGap> gap;
  std::vector<ModelConcentration> concentrations;
  std::vector<MapGrid> grids;
  std::vector<LearningCurve> curves;
  bool normalise_each;  ///< the scales of the loss maps
};

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

/// The answer in a few sentences (HTML), with its numbers.
std::string answer(const Findings& findings);

/// Losses, differences and intervals at each timestep, as an HTML table.
std::string gap_table(const LossGap& gap);

}  // namespace dydit::analysis
