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

/// The interval of a time is wider than a tenth of it, or unknown.
inline bool disturbed(const Interval& time) { return !(time.high - time.low <= 0.1 * time.mean); }

}  // namespace dydit::analysis
