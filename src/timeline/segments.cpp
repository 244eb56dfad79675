// SPDX-License-Identifier: Apache-2.0
#include "segments.h"

#include <algorithm>
#include <limits>

namespace dydit::timeline {

std::vector<Segment> segments_of(std::vector<const HostSpan*> spans, const Interval& window, std::int64_t& malformed) {
  if (!sound(window)) return {};
  std::ranges::stable_sort(spans, [](const HostSpan* a, const HostSpan* b) {
    return a->at.begin != b->at.begin ? a->at.begin < b->at.begin : a->at.end > b->at.end;
  });
  std::vector<Segment> segments;
  std::vector<const HostSpan*> open;
  std::int64_t now = window.begin;
  const auto until = [&](std::int64_t end) {
    end = std::clamp(end, now, window.end);
    if (end > now) segments.push_back({{now, end}, open.empty() ? nullptr : open.back()});
    now = end;
  };
  const auto close = [&](std::int64_t time) {
    for (; !open.empty() && open.back()->at.end <= time; open.pop_back()) until(open.back()->at.end);
  };
  for (const HostSpan* span : spans) {
    close(span->at.begin);
    if (!open.empty() && span->at.end > open.back()->at.end) {
      ++malformed;
      continue;
    }
    until(span->at.begin);
    open.push_back(span);
  }
  close(std::numeric_limits<std::int64_t>::max());
  until(window.end);
  return segments;
}

const Segment* segment_at(const std::vector<Segment>& segments, std::int64_t time) {
  const auto found = std::ranges::upper_bound(segments, time, {}, [](const Segment& s) { return s.at.end; });
  return found == segments.end() || time < found->at.begin ? nullptr : &*found;
}

std::vector<Interval> joined(std::vector<Interval> intervals) {
  std::ranges::sort(intervals, {}, &Interval::begin);
  std::size_t kept = 0;
  for (const Interval& at : intervals) {
    if (kept > 0 && at.begin <= intervals[kept - 1].end)
      intervals[kept - 1].end = std::max(intervals[kept - 1].end, at.end);
    else
      intervals[kept++] = at;
  }
  intervals.resize(kept);
  return intervals;
}

double moved(const DeviceSpan& span, const std::string& name) {
  const bool both = span.kind == DeviceSpan::Kind::copy && name.starts_with("Memcpy DtoD");
  return both ? 2 * span.bytes : span.bytes;
}

}  // namespace dydit::timeline
