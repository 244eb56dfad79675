// SPDX-License-Identifier: Apache-2.0
// How good the images of cells are against the time that they take: whether a cache beats fewer steps, and what a model
// that skips work adds.
#pragma once

#include <string>
#include <vector>

#include "analysis/combinations.h"
#include "analysis/section.h"

namespace dydit::analysis {

struct FrontPoint {
  std::string model;
  SamplingCell cell;
  bool on_front = false;  ///< no other cell is as fast and has a smaller distance

  std::string name() const { return model + (cell.cached() ? " + " + cell.cache : "") + ", " + cell.sampler; }
};

/// The judged cells of all models in one setting: by model, sampler, cache and descending steps.
struct QualityFront {
  Axes axes;
  std::vector<FrontPoint> points;

  std::string title() const;
  std::vector<std::string> models() const;
  /// Those of a model by a sampler without a cache, in ascending order of their times.
  std::vector<const FrontPoint*> steps_of(const std::string& model, const std::string& sampler) const;
};

std::vector<QualityFront> quality_fronts(const std::vector<SamplingStudy>& studies);

/// The distance that a model without a cache would have at that time by another number of steps: between its points,
/// linear in the logarithms of both. no_interval beyond them.
Interval distance_at(const std::vector<const FrontPoint*>& steps, double time);

/// Is the cell better than that: its interval below the other one (yes), above (no), or neither can be told.
Judgement better(const FrontPoint& point, const Interval& other);

}  // namespace dydit::analysis
