// SPDX-License-Identifier: Apache-2.0
// The speed study: how much of the work that a dynamic model skips becomes time, and where the rest is lost.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/statistics.h"
#include "analysis/waterfall.h"
#include "record/run_directory.h"

namespace dydit::analysis {

enum class Engine { dense, masked, compact };
/// What the imposed masks skip, all: nothing; of a trained model what its own routers skip, or as much drawn
/// by chance.
enum class Which { all, widths, tokens, both, own, alike };

/// Names on the axes of records, in the order of the enumerators.
inline constexpr std::array<std::string_view, 3> engine_names{"dense", "masked", "compact"};
inline constexpr std::array<std::string_view, 6> which_names{"all",  "widths", "tokens",
                                                             "both", "own",    "alike"};
std::string_view name_of(Engine engine);
std::string_view name_of(Which which);
/// For people: "heads and channels".
std::string_view skipped(Which which);

/// One cell; what was not measured is NaN. An Interval holds a median here.
struct SpeedCell {
  Engine engine;
  Which which;
  double keep;  ///< share of the units whose mask is on
  std::int64_t batch;
  Interval time;  ///< ms, of one pass of the batch
  Interval speedup, realisation;
  double theoretical_speedup, gmacs, lambda_realised, activation_memory, weight_memory;
  std::optional<Waterfall> waterfall;

  /// The interval of its time is wider than a tenth of it, or unknown.
  bool disturbed() const { return !(time.high - time.low <= 0.1 * time.mean); }
  Interval time_over_dense() const { return {1 / speedup.mean, 1 / speedup.high, 1 / speedup.low}; }
};

/// The cells that can be compared: one model on one device.
struct SpeedStudy {
  std::string model, dtype, device;
  std::int64_t threads;
  std::vector<SpeedCell> cells;  ///< by engine, batch, what is skipped, and descending share kept

  std::string setting() const;  ///< "float32, cpu, 2 threads"
  std::string title() const;    ///< "DyDiT-S/2, float32, cpu, 2 threads"
  bool trained() const;         ///< of a model that decides itself
};

/// The good "speed" records, a study for each model (in the order of the profile), device, dtype and number
/// of threads; of two records of one cell the later one counts. Throws InputError for a record with an axis
/// or a metric that is missing or impossible.
std::vector<SpeedStudy> speed_studies(std::span<const record::Run> runs);

/// The waterfalls that a report shows: of the compact cells of the largest batch, for each way of skipping
/// the one whose share kept is nearest to one half.
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
