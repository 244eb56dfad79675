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
  /// The range that captured a node of a graph.
  struct Captured {
    std::vector<RangeObserver::Step> path;
    RangeObserver::Work work = {};
  };
  std::map<std::uint64_t, Captured> graph_ranges = {};
  std::int64_t lost = 0;
  std::int64_t malformed = 0;
};

/// Adds them to a timeline whose host spans are there. A call is in the innermost range in which its thread was when it
/// began, what it asked for too, and a graph's node in the range in which it was captured. MACs and bytes of an operator,
/// or of a range that knows its work, are given to the longest kernel that it asked for, an operator's less what its
/// copies and sets move. Work without a call is in no range.
void join(const GpuRecords& records, Timeline& timeline);

}  // namespace dydit::timeline
