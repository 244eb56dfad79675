// SPDX-License-Identifier: Apache-2.0
// What studies of times read of records: the axes and metrics of a cell, and which cells make a study.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "analysis/study.h"
#include "chunks.h"

namespace dydit::analysis {

/// An axis of text; throws InputError where the record has none of that name.
std::string needed_axis(const record::Record& record, const char* name);
/// Throws InputError for an engine that is not among those of the manifest.
Engine engine_of(const record::Record& record, const std::map<std::string, Engine>& engines);

/// A metric with its interval; no_interval where it was not measured.
Interval interval(const record::Record& record, const char* name);
/// The same of what can only be positive; throws InputError where it is not, or infinite.
Interval positive(const record::Record& record, const char* name);
/// A metric that can be 0, NaN where it was not measured; throws InputError where it is less, or infinite.
double at_least_zero(const record::Record& record, const char* name);
/// The axis "keep", a share from 0 to 1 or a list of several; nothing where the record has none. Throws InputError for
/// another.
std::optional<Kept> keep_of(const record::Record& record);

/// Known ways of skipping in the order of their table, then others by name.
std::pair<std::ptrdiff_t, std::string> order_of(const std::string& which);

/// All axes of a record but its model and those in which the cells of a study differ.
Axes axes_of(const record::Record& record, std::span<const std::string_view> of_cell);

/// The good records of this name, a study for each model (in the order of the profile) and setting. `read` makes a cell
/// of a record and the engines of its manifest, `place` says where it stands among the others: of two records in one
/// place the later one counts.
template <typename S, typename Read, typename Place>
std::vector<S> studies_of(std::span<const record::Run> runs, const std::string& name,
                          std::span<const std::string_view> of_cell, Read read, Place place) {
  using Cell = typename decltype(S::cells)::value_type;
  using Point = decltype(place(std::declval<const Cell&>()));
  std::vector<S> studies;
  for (const std::string& model : models_of(runs, name)) {
    std::map<Axes, std::map<Point, Cell>> settings;
    for (const record::Run& run : runs) {
      const auto engines = engines_of(run);
      for (const record::Record* record : records_of(run, name, model)) {
        Cell cell = read(*record, engines);
        const Point point = place(cell);
        settings[axes_of(*record, of_cell)].insert_or_assign(point, std::move(cell));
      }
    }
    for (const auto& [axes, cells] : settings) {
      S& study = studies.emplace_back(S{{model, axes}, {}});
      for (const auto& [point, cell] : cells) study.cells.push_back(cell);
    }
  }
  return studies;
}

/// Of several times the median pass of each block, as many blocks of each.
using Blocks = std::vector<std::vector<double>>;
/// The median pass of each block; throws InputError for a block without a time.
std::vector<double> block_medians(const record::Record& record, const char* name, const record::Metric& metric);
/// Numbers that follow from the medians over the blocks, with 95 % intervals from the 2.5th to the 97.5th percentile of
/// 1000 resamples of the blocks, which the times keep in common (Efron & Tibshirani 1993); fewer than six blocks have
/// none.
std::vector<Interval> of_medians(const Blocks& blocks,
                                 const std::function<std::vector<double>(std::span<const double> medians)>& numbers);

}  // namespace dydit::analysis
