// SPDX-License-Identifier: Apache-2.0
// What the runs show: everything that sections of a report have in common, computed once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/activation.h"
#include "analysis/compute_map.h"
#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"
#include "analysis/outcomes.h"
#include "analysis/report.h"
#include "analysis/speed.h"

namespace dydit::analysis {

struct Findings {
  std::span<const record::Run> runs;
  std::optional<LossGap> gap;
  std::vector<ModelConcentration> concentrations;
  std::vector<MapGrid> grids;
  std::vector<LearningCurve> curves;
  bool normalise_each;  ///< the scales of the loss maps
  std::vector<Activation> activations;
  std::vector<ComputeMap> compute;
  std::vector<MapGrid> compute_grids;
  std::vector<SpeedStudy> speed;
  std::vector<Outcome> outcomes;
};

/// Throws InputError for manifests and records that do not fit together. The runs must outlive it.
Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

}  // namespace dydit::analysis
