// SPDX-License-Identifier: Apache-2.0
// What units of a block cost: its time by how many of one axis are on, which goes in steps where MACs go in a line.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/figure.h"
#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "analysis/study.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// One number of units; everything else is on.
struct CostCell {
  Engine engine;
  std::int64_t batch;
  std::string unit;  ///< the axis
  std::int64_t on;
  Interval time;  ///< ms of a block, a median
  double macs;    ///< share of the block's MACs that is left
};

/// The cells that differ in engine, batch, unit and number alone.
struct CostStudy : Study {
  std::vector<CostCell> cells;  ///< by engine, the largest batch first, then unit and ascending number
};

/// The cells of one engine, batch and axis.
struct CostCurve {
  std::string label;  ///< of the axis, for people
  std::span<const CostCell> cells;
  std::vector<std::size_t> tops;  ///< of each the last one of its tile (base/tiles.h)

  /// The cell with everything on; null where it failed.
  const CostCell* whole() const { return cells.back().macs > 1 - 1e-9 ? &cells.back() : nullptr; }
  /// ms with everything on times a cell's share of the MACs; NaN where nobody knows them.
  double line(const CostCell& cell) const {
    return whole() == nullptr ? std::numeric_limits<double>::quiet_NaN() : whole()->time.mean * cell.macs;
  }
  /// Numbers that one unit more costs no time.
  std::size_t free_steps() const;
};

/// The good "costs" records, a study for each model and setting. Throws InputError for a record with an axis or a
/// metric that is missing or impossible, or an engine that its manifest does not name.
std::vector<CostStudy> cost_studies(std::span<const record::Run> runs);

/// Of each engine and batch its curves, in the order of the cells; the units are named as the manifests say.
std::vector<std::vector<CostCurve>> cost_curves(const CostStudy& study, const std::vector<UnitAxis>& units);

/// The curves of one engine and batch, a panel each: measured times in steps, the line of the MACs, and marks where the
/// next unit costs no time; a figure for each three.
std::vector<Figure> costs_figures(const CostStudy& study, const std::vector<CostCurve>& curves,
                                  const std::string& name);

}  // namespace dydit::analysis
