// SPDX-License-Identifier: Apache-2.0
// What the cells of one study of times have in common, and what is said of each of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/statistics.h"
#include "record/record.h"

namespace dydit::analysis {

/// The axes of records that no cell of a study differs in: device, dtype and threads, then others, by name.
using Axes = std::vector<std::pair<std::string, record::Json>>;

struct Study {
  std::string model;
  Axes axes;

  std::string setting(bool with_threads = true) const;  ///< "float32, cpu, 2 threads, guidance 1.5"
  std::string title() const;                            ///< "DyDiT-S/2, float32, cpu, 2 threads"
};

/// The share of its units that a cell keeps: one of all unit axes, or one of each in the architecture's order.
struct Kept {
  std::vector<double> shares;

  bool by_axis() const { return shares.size() > 1; }
  std::string text() const;  ///< "0.5", "0.75, 0.625, 0.65"
  /// Descending, one share of all before those by axis.
  friend bool operator<(const Kept& a, const Kept& b) {
    return a.by_axis() != b.by_axis() ? b.by_axis() : b.shares < a.shares;
  }
  bool operator==(const Kept&) const = default;
};

/// The interval of a time is wider than a tenth of it, or unknown.
inline bool disturbed(const Interval& time) { return !(time.high - time.low <= 0.1 * time.mean); }

}  // namespace dydit::analysis
