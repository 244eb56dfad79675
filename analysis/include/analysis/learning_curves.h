// SPDX-License-Identifier: Apache-2.0
// Losses over the steps of a training.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// NaN where it was not measured.
struct LearningPoint {
  std::int64_t step;
  double train_mse, held_out_mse;
  /// Of a dynamic model: on held-out images, but for the target.
  double lambda_target = missing, lambda_realised = missing, complete_mse = missing;
  std::map<std::string, double> units_on = {};  ///< by name of the axis

  double on(const UnitAxis& axis) const { return units_on.contains(axis.name) ? units_on.at(axis.name) : missing; }
};

struct LearningCurve {
  std::string model;
  std::vector<LearningPoint> points;  ///< ascending steps
  /// How a dynamic model was trained: "routers", "chance" or "static"; "both", "widths" or
  /// "tokens"; the order of its units. Empty for a dense one.
  std::string decide = {}, skip = {}, order = {};
  std::vector<UnitAxis> units = {};

  bool dynamic() const { return !decide.empty(); }
  bool learns_both() const { return decide == "routers" && skip == "both"; }  ///< widths and tokens
};

/// One for each model with "train" records.
std::vector<LearningCurve> learning_curves(std::span<const record::Run> runs);

/// The axes of units of all models, each once.
std::vector<UnitAxis> unit_axes(const std::vector<LearningCurve>& curves);

/// One row for each model and step, the name last.
std::string to_csv(const std::vector<LearningCurve>& curves);

}  // namespace dydit::analysis
