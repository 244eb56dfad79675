// SPDX-License-Identifier: Apache-2.0
// What the runs show: everything a report computes, before it is written.
#pragma once

#include <algorithm>
#include <optional>
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
  std::optional<LossGap> gap;
  std::vector<ModelConcentration> concentrations;
  std::vector<MapGrid> grids;
  std::vector<LearningCurve> curves;
  bool normalise_each;  ///< the scales of the loss maps
  std::vector<Activation> activations;
  std::vector<ComputeMap> compute;
  std::vector<MapGrid> compute_grids;
  std::vector<SpeedStudy> speed;
  std::int64_t failed_speed;  ///< cells without a result
  std::vector<Outcome> outcomes;

  bool losses() const { return gap || !concentrations.empty() || !curves.empty(); }
  bool trains_dense() const {
    return std::any_of(curves.begin(), curves.end(),
                       [](const LearningCurve& curve) { return !curve.dynamic(); });
  }
  bool trains_dynamic() const {
    return std::any_of(curves.begin(), curves.end(),
                       [](const LearningCurve& curve) { return curve.dynamic(); });
  }
};

Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

/// The answer with its numbers, a paragraph (HTML) for each question.
std::string answer(const Findings& findings);

// HTML tables.

/// Losses, differences and intervals at each timestep.
std::string gap_table(const LossGap& gap);

/// What each model costs in loss and saves in time, with what the paper published of its like.
std::string outcomes_table(const std::vector<Outcome>& outcomes);

/// Where training toward a share of the MACs ended.
std::string training_table(const std::vector<LearningCurve>& curves);

/// The paper's table over lambda, for the dense model and the compact engine, with the published realisation.
std::string speed_table(const SpeedStudy& study);

/// Trained models as their routers decide: the compact engine beside the dense model; empty where there is
/// none.
std::string trained_table(std::span<const SpeedStudy> studies);

/// Of every waterfall how much of its gap is unexplained, beside the dense model's misfit; empty where there is none.
std::string waterfall_table(const SpeedStudy& study);

/// What multiplying by masks takes; empty when it was not measured.
std::string masked_table(const SpeedStudy& study);

}  // namespace dydit::analysis
