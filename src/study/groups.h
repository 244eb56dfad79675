// SPDX-License-Identifier: Apache-2.0
// Cells that are compared, and so measured together: a group at a time, of several processes each another one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/faults.h"
#include "base/interrupt.h"
#include "instrument/memory.h"
#include "study/study.h"

namespace dydit::study {

using Warn = std::function<void(const std::string& message)>;

struct Group {
  std::vector<record::Record> cells;  ///< still without metrics
  std::int64_t steps = 0;             ///< how often `measure` calls `after_block`
  /// All of them, whether they have a record in the run or not. `after_block` is called after each block, and what else
  /// takes as long.
  std::function<std::vector<DoneCell>(const Warn& warn, const std::function<void()>& after_block)> measure;
};

/// Measures the groups in which a cell has no record; `run` is null on all but rank 0. Throws Interrupted between
/// passes.
void measure_groups(const std::string& label, const std::vector<Group>& groups, bool quiet,
                    const distributed::ProcessGroup& processes, record::RunDirectory* run);

/// What `work` throws, but for an interrupt, in one line.
template <typename Work>
std::optional<std::string> error_of(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    return one_line(error);
  }
}

/// A record without metrics, which says why.
void fail(record::Record& record, const std::string& error);

/// activation_memory and allocations.
void put_allocated(record::Record& record, const instrument::Allocated& allocated);

/// The median of a metric's values, one for each block, with its interval.
void put_blocks(record::Record& record, const std::string& metric, const std::vector<double>& blocks);

}  // namespace dydit::study
