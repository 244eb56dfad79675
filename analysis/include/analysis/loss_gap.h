// SPDX-License-Identifier: Apache-2.0
// The loss gap: at each timestep, how much lower the loss of the reference model is. Same images, same
// noise, so the differences are paired. A dynamic model's reference is the dense model of its size, where
// there is one; all others are held against the last model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Mean losses of one model, one for each timestep.
struct ModelLoss {
  std::string model;
  std::vector<double> mse, vb;  ///< vb may be absent
  /// This model minus the reference, one for each timestep; empty for the last model.
  std::vector<Interval> mse_gap, vb_gap;
  std::size_t reference = 0;  ///< place of its reference among the models; the last model is its own
  bool dynamic = false;       ///< has routers, also where they never change their mind
  /// Mean over the timesteps of the squared error, of this model minus the reference; zero for the
  /// last model.
  Interval mean_gap{0, 0, 0};
  std::vector<double> image_gap = {};  ///< the same of each image

  double mean_mse() const;  ///< over the timesteps
};

struct LossGap {
  std::vector<double> timesteps;  ///< ascending
  std::vector<ModelLoss> models;  ///< in the order of the profile
  std::int64_t images;            ///< those that every model has
  /// Of the timesteps, where the records say it: log of signal-to-noise, and what a squared error times is
  /// that of noise.
  std::vector<double> log_snr = {}, epsilon_factor = {};

  /// All models but the last.
  std::span<const ModelLoss> held_against() const { return std::span(models).first(models.size() - 1); }
  const ModelLoss& reference_of(const ModelLoss& model) const { return models[model.reference]; }
};

/// Joins the "loss-gap" chunks of the runs by image and timestep; nothing without such records. Throws
/// InputError when the runs cannot be paired or have no image or timestep in common.
std::optional<LossGap> loss_gap(std::span<const record::Run> runs, std::uint64_t bootstrap_seed = 0);

/// One row for each model and timestep. The name is last: gnuplot has another idea of quotes, and takes what
/// begins with # for a comment.
std::string to_csv(const LossGap& result);

}  // namespace dydit::analysis
