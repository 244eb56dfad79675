// SPDX-License-Identifier: Apache-2.0
// Losses over the steps of a training.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "record/run_directory.h"

namespace dydit::analysis {

struct LearningPoint {
  std::int64_t step;
  double train_mse, held_out_mse;  ///< NaN where it was not measured
};

struct LearningCurve {
  std::string model;
  std::vector<LearningPoint> points;  ///< ascending steps
};

/// One for each model with "train" records.
std::vector<LearningCurve> learning_curves(std::span<const record::Run> runs);

/// One row for each model and step, the name last.
std::string to_csv(const std::vector<LearningCurve>& curves);

}  // namespace dydit::analysis
