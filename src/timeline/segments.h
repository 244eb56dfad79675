// SPDX-License-Identifier: Apache-2.0
// The spans of a thread, one inside the other, as what the thread is in from one moment to another.
#pragma once

#include "timeline/timeline.h"

namespace dydit::timeline {

struct Segment {
  Interval at;
  const HostSpan* span = nullptr;  ///< the innermost one, or none
  std::uint32_t node() const { return span == nullptr ? 0 : span->node; }
};

/// All of the window, in order. A span that overlaps another one without nesting is left out and counted.
std::vector<Segment> segments_of(std::vector<const HostSpan*> spans, const Interval& window, std::int64_t& malformed);

/// The one that a moment of the window is in; null outside.
const Segment* segment_at(const std::vector<Segment>& segments, std::int64_t time);

/// Those that overlap or meet become one, and all stand in order.
std::vector<Interval> joined(std::vector<Interval> intervals);

/// Bytes that a span's operator, copy or set reads and writes: a copy within a device does both.
double moved(const DeviceSpan& span, const std::string& name);

/// Times of the steady clock, which begins at 0.
inline bool sound(const Interval& at) { return 0 <= at.begin && at.begin <= at.end; }

}  // namespace dydit::timeline
