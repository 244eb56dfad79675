// SPDX-License-Identifier: Apache-2.0
// A profile beside another one of the same cells: what changed, by range and kernel.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/kernels.h"

namespace dydit::analysis {

/// A row of two cells. Where one of them has not this kernel in this range, it has no calls of it and 0 ms; what was
/// not recorded is NaN.
struct RowChange {
  std::string range, kernel;    ///< as the records have them
  double before = 0, time = 0;  ///< ms
  double calls_before = 0, calls = 0;

  double change() const { return time - before; }  ///< ms
};

/// By range and full name of the kernel, the remainder as a row "(remainder)" outside of ranges; the largest change by
/// size first, what is not known last. Sums to the change of whole_time. Nothing where a cell has no rows.
std::vector<RowChange> row_changes(const ProfileCell& before, const ProfileCell& now);

/// The cell of the same engine, which and keep; null where there is none. Of several studies one of the same model and
/// setting is preferred, then one of the same model.
const ProfileCell* same_cell(std::span<const ProfileStudy> studies, const ProfileStudy& study, const ProfileCell& cell);

/// A profile's cells beside those of another one; the studies must outlive it.
struct Comparison {
  struct Pair {
    const ProfileCell *before, *now;
  };
  std::vector<Pair> cells;
  std::vector<std::string> notes;  ///< a line for other settings, and for each cell that the other profile has not
};
/// `run` names the profile before.
Comparison compared(std::span<const ProfileStudy> before, std::span<const ProfileStudy> now, const std::string& run);

/// For a terminal: the times of the two cells, without collectors and with them, and the rows with the largest changes,
/// at most `most`, then what the others sum to, and the whole. `run` names the other profile.
std::string comparison_text(const ProfileCell& before, const ProfileCell& now, const std::string& run,
                            std::size_t most = 12);

}  // namespace dydit::analysis
