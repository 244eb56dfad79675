// SPDX-License-Identifier: Apache-2.0
// Where in the image a dynamic model computes, and whether that is where its loss or the image's detail is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Of one model, one value for each timestep; means over the images.
struct ComputeMap {
  std::string model;
  std::int64_t images;
  std::vector<double> timesteps;
  std::vector<Interval> compute;  ///< share of the blocks that work on a token
  /// Spearman's rank correlation over an image's tokens of that share with the token's loss, and with the
  /// standard deviation of the image within its patch. An image whose tokens are all treated alike counts as
  /// 0.
  std::vector<Interval> with_loss, with_detail;
  Interval mean_with_detail;  ///< over the timesteps
};

/// One for each model with "compute-map" records. Throws InputError for chunks that do not fit together.
std::vector<ComputeMap> compute_maps(std::span<const record::Run> runs, std::uint64_t bootstrap_seed = 0);

/// One row for each model and timestep, the name last.
std::string to_csv(const std::vector<ComputeMap>& maps);

/// Spearman's rank correlation, ties sharing their mean rank; 0 where one side is constant, NaN where one is
/// not finite. Throws InputError for lists of different lengths.
double rank_correlation(std::span<const double> a, std::span<const double> b);

}  // namespace dydit::analysis
