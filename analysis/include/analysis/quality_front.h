// SPDX-License-Identifier: Apache-2.0
// How good the images of cells are against the time that they take: whether a cache beats fewer steps, and what a model
// that skips work adds.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/combinations.h"
#include "analysis/section.h"

namespace dydit::analysis {

struct FrontPoint {
  std::string model;
  SamplingCell cell;
  bool on_front = false;  ///< no other is at least as fast and as close, and one of both more
  /// Its distance over another one's in the same time: of a cell with a cache that of the same variant in fewer steps
  /// without one, of one that skips what is off that of the complete model that is closest, with the same cache or none
  /// as it has. 95 % over resampled images, the same draws of both; without draws as far as both intervals reach.
  /// no_interval where nothing was measured around that time.
  Interval over_steps = no_interval, over_complete = no_interval;

  std::string variant() const { return model + " (" + cell.engine.name + ")"; }  ///< what runs: of one colour
};

/// A distance from real images, with what it is of resampled ones.
struct Distance {
  Interval value = no_interval;
  std::vector<double> draws = {};
};

/// The judged cells of all models in one setting, by one network, reference and number of images: by model, engine,
/// sampler, cache and descending steps.
struct QualityFront {
  Axes axes;
  std::string judged_by;
  double images;
  std::vector<FrontPoint> points;

  std::string title() const;
  /// The distance that a variant with that cache has by another number of steps in that time, by its best sampler:
  /// between two of its points, linear in the logarithms of both. no_interval beyond them.
  Distance distance_at(const std::string& variant, const std::string& cache, double time) const;
};

std::vector<QualityFront> quality_fronts(const std::vector<SamplingStudy>& studies);
/// Of the cells that were judged again, by more images.
std::vector<QualityFront> fronts_judged_again(std::span<const record::Run> runs);

/// How many cells are clearly closer to real images than what they are held against, clearly farther (the interval is
/// on one side of 1), neither, and how many have a time that nothing was measured around.
struct Closer {
  std::size_t closer = 0, farther = 0, untold = 0, beyond = 0;

  std::size_t all() const { return closer + farther + untold + beyond; }
  Closer& operator+=(const Closer& other);
};

/// Cells with a cache, against fewer steps of the same variant without one in the same time.
Closer caches_held_against_steps(const QualityFront& front);
/// Variants that skip what is off against the complete model that is closest in the same time, all of them with a cache
/// or all without one.
Closer skipping_held_against_complete(const QualityFront& front, bool cached);

}  // namespace dydit::analysis
