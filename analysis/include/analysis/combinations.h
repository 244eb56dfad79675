// SPDX-License-Identifier: Apache-2.0
// Whole trajectories under dynamic computation, feature caches and samplers together: how near their speedup comes to
// the product of the separate ones, and which of the three loses the rest of the time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "analysis/study.h"
#include "analysis/waterfall.h"
#include "record/run_directory.h"

namespace dydit::analysis {

inline constexpr BarInfo ideal_bar{
    "ideal_time", "ideal",
    "Time of the reference times the share of its MACs that is executed: what is left when all of the skipped work "
    "becomes time."};

/// What lies between the ideal and the measured time, in this order.
inline constexpr std::array<BarInfo, 3> sampling_causes{{
    {"lost_to_sampler", "sampler",
     "The complete model without a cache, by the same sampler at the same number of steps, takes longer than its MACs "
     "say of the reference."},
    {"lost_to_cache", "cache",
     "The complete model with the same cache takes longer than its MACs say of the one without."},
    {"lost_to_routers", "routers",
     "The engine of the cell takes longer than its MACs say of the complete model with the same cache: for routers, "
     "and "
     "for skipped work that does not become time."},
}};

/// In ms for each image; below zero: gained. A cause counts at the MACs that the cell executes, so ideal and causes add
/// up to the time of the cell. With times T and MACs g of the reference (r), the same by this sampler (s), with this
/// cache besides (c), and the cell: ideal T_r g/g_r, then T_s g/g_s - T_r g/g_r, T_c g/g_c - T_s g/g_s, T - T_c g/g_c.
struct SamplingWaterfall {
  Interval ideal;
  std::array<Interval, sampling_causes.size()> causes;
};

/// One cell: trajectories of a batch. What was not measured is NaN; an Interval holds a median.
struct SamplingCell {
  Engine engine;
  std::string which;
  std::optional<Kept> keep;  ///< of the units, under imposed masks
  std::string cache, sampler;
  std::int64_t steps;
  Interval time;  ///< ms for each image
  Interval speedup, own_speedup, multiplied, share;
  Interval beyond_passes;  ///< time over that of its forward passes alone; unknown but for engines alone
  double theory, gmacs, gmacs_guided, blocks_run, passes, full_passes, activation_memory, cache_memory;
  /// Of the images that it drew, where they were judged; no_interval and NaN where not.
  Interval frechet;
  std::vector<double> frechet_draws;  ///< of resampled images, draw r of all cells the same
  double kernel, precision, recall, judged;
  std::string judged_by;  ///< network and reference, as a record names them
  std::optional<SamplingWaterfall> waterfall;
  std::string tensors;  ///< name of the file with what its trajectory drew; empty where none was kept

  bool disturbed() const { return analysis::disturbed(time); }
  bool skips() const { return engine.executes == Executes::kept && which != "all"; }
  bool cached() const { return cache != "none"; }
  std::string variant() const;  ///< "compact (both, 0.5)"; as trained, or all on: "compact"
  std::string name() const;     ///< "compact (both, 0.5) + fora:2 + dpmpp 20"
};

/// The cache as the complete model has it: that has no routers to decide anew.
std::string cache_alone(const std::string& cache);

/// The cells that can be compared: they differ in engine, which, keep, cache, sampler and steps alone.
struct SamplingStudy : Study {
  std::vector<SamplingCell> cells;  ///< by engine, what is skipped, descending share kept, cache, descending steps

  /// The complete model without a cache whose speedup is 1; null where it was not recorded.
  const SamplingCell* reference() const;
  /// What a cell does that the reference does not, in this order: it skips what is off, has a cache, has another
  /// sampler or number of steps (not where the reference is unknown). Of each the cell that does it alone, null where
  /// that was not recorded: on the complete model of its `keep`, where records tell these apart. Two or three are a
  /// combination.
  std::vector<const SamplingCell*> separate(const SamplingCell& cell) const;
};

/// The good "sampling" records, a study for each model (in the order of the profile) and setting; of two records whose
/// axes are all equal the later one counts. Metrics may be absent. Throws InputError for a record with an axis that is
/// missing or an axis or a metric that is impossible, or an engine that its manifest does not name.
std::vector<SamplingStudy> sampling_studies(std::span<const record::Run> runs);

/// Of a "sampling" record; none where a time or MACs that it needs were not measured. Intervals as in waterfall_of
/// where all times have as many blocks, else from those of the times as if they erred apart from each other. What two
/// equal times leave is nothing, without an error.
std::optional<SamplingWaterfall> sampling_waterfall_of(const record::Record& record);

/// Of each engine the combination whose waterfall a report shows: that of most parts, and of these the fastest.
std::vector<const SamplingCell*> shown_combinations(const SamplingStudy& study);

}  // namespace dydit::analysis
