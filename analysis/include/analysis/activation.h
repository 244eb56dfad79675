// SPDX-License-Identifier: Apache-2.0
// What a dynamic model has on over the timesteps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Shares that are on of one model.
struct Activation {
  std::string model;
  std::int64_t images;
  std::vector<std::int64_t> timesteps;  ///< ascending, K
  std::size_t depth;
  Eigen::MatrixXd heads, groups, tokens;  ///< (K, depth): of each block, tokens the mean over the images
  std::vector<Interval> tokens_on,
      kept;  ///< (K): of all tokens, and of the blocks' MACs; mean over the images
  /// The MACs kept at the noisier half of the timesteps minus those at the other: below zero where less is
  /// computed near noise.
  Interval kept_near_noise;
};

/// One for each model with "activation" records. Throws InputError for chunks that do not fit together.
std::vector<Activation> activations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed = 0);

/// One row for each timestep and block, then one for each timestep with the totals, as block -1.
std::string to_csv(const Activation& activation);

}  // namespace dydit::analysis
