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
#include "analysis/speed.h"

namespace dydit::analysis {

struct Findings {
  std::optional<LossGap> gap;
  std::vector<ModelConcentration> concentrations;
  std::vector<MapGrid> grids;
  std::vector<LearningCurve> curves;
  bool normalise_each;  ///< the scales of the loss maps
  std::vector<SpeedStudy> speed;
  std::int64_t failed_speed;  ///< cells without a result

  bool losses() const { return gap || !concentrations.empty() || !curves.empty(); }
};

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

/// The answer in a few sentences (HTML), with its numbers.
std::string answer(const Findings& findings);

/// Losses, differences and intervals at each timestep, as an HTML table.
std::string gap_table(const LossGap& gap);

/// The paper's table over lambda, for the dense model and the compact engine, with the published realisation.
std::string speed_table(const SpeedStudy& study);

/// What multiplying by masks takes; empty when it was not measured.
std::string masked_table(const SpeedStudy& study);

}  // namespace dydit::analysis
