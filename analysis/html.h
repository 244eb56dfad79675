// SPDX-License-Identifier: Apache-2.0
// The page of a report, and pieces that several sections share. All text is HTML.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/section.h"
#include "analysis/speed.h"
#include "analysis/statistics.h"

namespace dydit::analysis {

/// The whole document: no scripts, nothing to load. `subtitle` says what was run, and on what. The tiles, below it and
/// above a list of the sections, are those of the first six that have one.
std::string page(const std::string& title, const std::string& subtitle, const std::vector<Section>& sections);

/// A row of a table from what stands in it, the first as its head.
std::string row(const std::vector<std::string>& fields);
/// Scrolls as a whole where it is wider than the page.
std::string table(const std::vector<std::string>& head, const std::string& rows, const char* kind = "numbers");
/// A figure of that many digits after the point, or a dash.
std::string decimal(double value, int digits);

/// Shut until the reader opens it; nothing for no content.
std::string folded(const std::string& summary, const std::string& content);
std::string note(const std::string& text);
/// A list of sentences; nothing for none.
std::string list(const std::vector<std::string>& sentences);

std::string bold(const Interval& interval);
/// "<b>η</b>: Realisation: ..." from the catalog.
std::string described(std::string_view metric);

/// A value and whose it is.
struct Named {
  std::string name;  ///< as it was given, not HTML
  Interval value;
};

/// The smallest mean; there must be one.
const Named& least(const std::vector<Named>& values);
/// "<b>0.88 ± 0.02</b> (small)"; of several the least to the most.
std::string from_to(const std::vector<Named>& values, const char* unit = "");
/// "; clear for 1 of 2", where some are.
std::string how_many_above(const std::vector<Named>& values);
/// "small", or "small, the least of 4".
std::string least_of(const std::vector<Named>& values);
/// The least, what it is and of which model, and whether all are above zero.
Tile tile_of(const std::string& question, const std::vector<Named>& values, const std::string& what);

/// The model of a study, or its whole title where another of the studies is of the same model; equal titles
/// are counted.
template <typename S>
std::string name_among(const std::vector<S>& studies, const S& study) {
  const auto same = [&](const S& other) { return other.model == study.model; };
  if (std::count_if(studies.begin(), studies.end(), same) == 1) return study.model;
  const auto before = std::count_if(  // "1.5" and 1.5 are two values of one text
      studies.data(), &study, [&](const S& other) { return other.title() == study.title(); });
  return study.title() + (before == 0 ? "" : fmt::format(" ({})", before + 1));
}

/// The engines that execute so, of the cells of all studies or trade-offs, each once.
template <typename T>
std::vector<std::string> engines_of(const std::vector<T>& all, Executes executes) {
  std::set<std::string> names;
  for (const T& one : all)
    for (const SpeedCell& cell : one.cells)
      if (cell.engine.executes == executes) names.insert(cell.engine.name);
  return {names.begin(), names.end()};
}

/// Milliseconds for each image, with a mark where the measurement was disturbed.
std::string per_image(const SpeedCell& cell);

}  // namespace dydit::analysis
