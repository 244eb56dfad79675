// SPDX-License-Identifier: Apache-2.0
// What a dynamic model has on over the timesteps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Shares of the units of one kind that are on.
struct UnitShares {
  UnitAxis axis;
  Eigen::MatrixXd shares;    ///< (K, layers): of each layer, per token the mean over the images
  std::vector<Interval> on;  ///< (K): of all layers, mean over the images; without an interval where all are alike
};

/// Shares that are on of one model.
struct Activation {
  std::string model;
  std::int64_t images;
  std::vector<double> timesteps;  ///< ascending, K
  std::size_t depth;              ///< layers of the axis that has most
  std::vector<UnitShares> units;
  std::vector<Interval> kept;  ///< (K): of the blocks' MACs; mean over the images
  /// The MACs kept at the noisier half of the timesteps minus those at the other: below zero where less is
  /// computed near noise.
  Interval kept_near_noise;
};

/// One for each model with "activation" records. Throws InputError for chunks that do not fit together.
std::vector<Activation> activations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed = 0);

/// One row for each timestep and block (NaN where an axis has fewer layers), then one for each timestep with
/// the totals, as block -1. Columns of an axis: its share, and per token the bounds.
std::string to_csv(const Activation& activation);

}  // namespace dydit::analysis
