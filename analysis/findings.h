// SPDX-License-Identifier: Apache-2.0
// What the runs show: everything that sections of a report have in common, computed once.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/activation.h"
#include "analysis/compute_map.h"
#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/loss_map.h"
#include "analysis/tradeoffs.h"
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
  std::vector<Tradeoff> tradeoffs;
};

/// All of them (each of a model), the one of the model that a report tells of first at the head.
template <typename T>
std::vector<const T*> shown_first(const Findings& findings, const std::vector<T>& all) {
  std::vector<const T*> order;
  for (const T& one : all) order.push_back(&one);
  if (const Tradeoff* shown = shown_tradeoff(findings.tradeoffs))
    std::stable_partition(order.begin(), order.end(),
                          [&](const T* one) { return one->model == shown->model; });
  return order;
}

/// Throws InputError for manifests and records that do not fit together. The runs must outlive it.
Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

}  // namespace dydit::analysis
