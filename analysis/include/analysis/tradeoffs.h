// SPDX-License-Identifier: Apache-2.0
// What models that skip work cost in loss and save in time, beside the dense model of their size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/learning_curves.h"
#include "analysis/loss_gap.h"
#include "analysis/speed.h"

namespace dydit::analysis {

/// One model; NaN, empty or nothing where it was not measured.
struct Tradeoff {
  std::string model, reference;     ///< the dense model of its size
  std::string decide, skip, order;  ///< as in LearningCurve
  double target = missing;          ///< lambda that it was trained toward
  double lambda = missing;          ///< realised: on held-out images, else in the speed study
  double held_out_mse = missing;    ///< at the end of its training
  /// Percent of the reference's loss by which it loses more; of means over images and the study's timesteps.
  std::optional<Interval> loss_percent;
  /// Percent of the reference's loss by which it loses more than the model of the same size and target whose
  /// routers skip both widths and tokens: paired over the images. Nothing for that model itself.
  std::optional<Interval> over_both_percent;
  std::string timed;  ///< how: "float32, cpu, batch 32"
  /// As its routers decide, by each engine that executes what is kept; of a dense model its own pass.
  std::vector<SpeedCell> cells;

  bool dynamic() const { return !decide.empty(); }
  std::string how() const;  ///< "widths and tokens", "static widths (taylor)", "dense"
};

/// One for each model that skips work and whose loss or time was measured, and for the dense models beside
/// which it was: those of the loss gap, then others of the speed study. What is known of their training is
/// added.
std::vector<Tradeoff> tradeoffs(const std::optional<LossGap>& gap, const std::vector<LearningCurve>& curves,
                                const std::vector<SpeedStudy>& speed, std::uint64_t bootstrap_seed = 0);

/// That of a model; null for none.
const Tradeoff* tradeoff_of(const std::vector<Tradeoff>& tradeoffs, const std::string& model);

/// What a report puts first: of those with a loss and a share of the MACs, which are about as near to one
/// half as the nearest, the first whose routers choose among widths and tokens, or else the first. Null for
/// none.
const Tradeoff* shown_tradeoff(const std::vector<Tradeoff>& tradeoffs);

/// Those whose share of the MACs is about that of `tradeoff` (within 0.05) and that have a loss.
std::vector<const Tradeoff*> about_as_large(const std::vector<Tradeoff>& tradeoffs, const Tradeoff& tradeoff);

/// A row for each trade-off with a loss beside its reference and a share of the MACs, NaN where it was not held
/// against another of its target, and for each curve its dense model at (1, 0); the curve (reference and how)
/// last.
std::string to_csv(const std::vector<Tradeoff>& tradeoffs);

}  // namespace dydit::analysis
