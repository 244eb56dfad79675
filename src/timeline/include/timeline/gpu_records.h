// SPDX-License-Identifier: Apache-2.0
// What a GPU's profiler tells, before it is known which part of the work asked for it. The seam between CUPTI and the
// rest: tests make records up.
#pragma once

#include <map>

#include "base/range.h"
#include "timeline/timeline.h"

namespace dydit::timeline {

struct GpuRecords {
  struct Call {
    std::string name;
    std::uint32_t system_thread = 0;
    Interval at = {};
    std::uint32_t correlation = 0;
    Stall stall = Stall::none;
  };
  struct Work {
    DeviceSpan::Kind kind = DeviceSpan::Kind::kernel;
    std::string name;
    std::uint32_t device = 0, stream = 0;
    Interval at = {};
    std::uint32_t correlation = 0;
    std::uint64_t graph_node = 0;  ///< 0: launched by itself
    double bytes = 0;              ///< that a copy or set moves
    DeviceSpan::Launch launch = {};
  };
  std::vector<Call> calls = {};
  std::vector<Work> work = {};
  std::vector<Interval> collector = {};  ///< what the profiler itself took of the host's time
  using Path = std::vector<RangeObserver::Step>;
  std::map<std::uint64_t, Path> graph_ranges = {};  ///< of each node of a graph the range that captured it
  std::int64_t lost = 0;
  std::int64_t malformed = 0;
};

/// Adds them to a timeline whose host spans are there. A call is in the innermost range in which its thread was when it
/// began, what it asked for too, and a graph's node in the range in which it was captured. An operator's MACs
/// and bytes are given to the longest kernel that it asked for, less what its copies and sets move. Work without a call
/// is in no range.
void join(const GpuRecords& records, Timeline& timeline);

}  // namespace dydit::timeline
