// SPDX-License-Identifier: Apache-2.0
// The speed study: how much of the work that a dynamic model skips becomes time, and where the rest is lost.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "analysis/study.h"
#include "analysis/waterfall.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// What masks skip: on the axis "which" of records, and for people. Others are names of their own, imposed as
/// well.
struct Skipped {
  std::string_view which, label;
  bool imposed;  ///< else nothing, or what a trained model's routers say
};
inline constexpr std::array skipped_units{
    Skipped{"all", "nothing", false},    Skipped{"widths", "heads and channels", true},
    Skipped{"tokens", "tokens", true},   Skipped{"both", "heads, channels and tokens", true},
    Skipped{"own", "as trained", false}, Skipped{"alike", "as much, by chance", false}};
Skipped skipped(std::string_view which);

/// One cell; what was not measured is NaN. An Interval holds a median here.
struct SpeedCell {
  Engine engine;
  std::string which;
  Kept keep;  ///< of the units whose mask is on
  std::int64_t batch;
  Interval time;  ///< ms, of one pass of the batch
  Interval speedup, realisation;
  Interval over_floor;    ///< of a GPU's; NaN where no floor was measured
  double lambda_planned;  ///< before a plan was rounded up to tiles; NaN: it was not
  double sm_clock;        ///< MHz, of a GPU's; NaN where it was not measured
  double floor_clock;     ///< the same, while the floor was measured
  double floor_realisation, theoretical_speedup, gmacs, lambda_realised, activation_memory, weight_memory;
  std::optional<Waterfall> waterfall;

  bool disturbed() const { return analysis::disturbed(time); }
  bool everything_on() const { return which == "all"; }
  bool own() const { return which == "own"; }  ///< as the routers of a trained model decide
  /// For the cell whose share kept is nearest to `share`: cells with shares by axis are behind all others, and among
  /// them λ stands for the share.
  std::pair<bool, double> distance(double share) const;
  Interval time_over_dense() const { return {1 / speedup.mean, 1 / speedup.high, 1 / speedup.low}; }
};

/// The cells that can be compared: they differ in engine, which, keep and batch alone.
struct SpeedStudy : Study {
  std::vector<SpeedCell> cells;  ///< by engine, batch, what is skipped, and descending share kept, those by axis last

  /// The engines that have cells, which tables tell apart where there are several.
  std::vector<std::string> engines(Executes executes) const;
  bool trained() const;  ///< of a model that decides itself
};

/// The good "speed" records, a study for each model (in the order of the profile) and setting; of two records
/// whose axes are all equal the later one counts. Throws InputError for a record with an axis or a metric
/// that is missing or impossible, or an engine that its manifest does not name.
std::vector<SpeedStudy> speed_studies(std::span<const record::Run> runs);

/// The waterfalls that a report shows: of each engine that executes what is kept, for each way of skipping
/// that of the largest batch, and of these the one whose share kept is nearest to one half (see SpeedCell::distance).
std::vector<const SpeedCell*> shown_waterfalls(const SpeedStudy& study);

/// A published speedup against its theoretical one.
struct PublishedSpeed {
  double theoretical, speedup;
};

/// The paper's lambda sweep for a model of the size (S, B, XL) that the name says, ascending; empty for
/// others.
std::vector<PublishedSpeed> published_speeds(const std::string& model);

/// The published realisation at a theoretical speedup, interpolated linearly; NaN outside of what was
/// published.
double published_realisation(const std::string& model, double theoretical_speedup);

}  // namespace dydit::analysis
