// SPDX-License-Identifier: Apache-2.0
// Where the time of a timeline's window went: rows by range and kernel or operator that, with a remainder, sum to it.
//
// On a GPU each moment belongs to the kernels, copies and sets that run in it, shared evenly where several do; where
// none runs it is a gap, in the range of the next kernel and by its cause: "(launch)" from the begin of the call that
// asked for that kernel; before it what the host does, "(collector)" while the collector of the GPU's records is at
// work, "(memory)" while memory of the GPU is taken or given back, "(synchronisation)" while the host waits for the GPU
// and "(host)" else; "(graph)" between two nodes of one graph.
// Without a GPU a moment belongs to what thread 0 is in: an operator or a kernel of our own, or a range and neither of
// them: "(host)". LibTorch's own threads help it and nobody sees them. While the threads take shares a moment is shared
// evenly among them, and one that is in no range is "(waiting)", in the range that thread 0 is in.
// The remainder is where thread 0 is in no range, or no record tells of the GPU.
#pragma once

#include "timeline/timeline.h"

namespace dydit::timeline {

struct Attributed {
  std::string range;   ///< path without indices
  std::string kernel;  ///< or operator, or "(cause)" of a gap
  std::int64_t calls = 0;
  double seconds = 0;           ///< its share of the window
  double macs = 0, bytes = 0;   ///< of all calls
  DeviceSpan::Launch launch{};  ///< of the longest call, on a GPU
  bool gap() const { return kernel.starts_with('('); }
};

struct Attribution {
  std::vector<Attributed> rows;  ///< in the order of their first moment
  double wall = 0;               ///< seconds of the window
  double remainder = 0;          ///< seconds that no row has
  std::int64_t lost = 0, malformed = 0;
};

/// Spans that end before they begin, whose name, range or thread does not exist, or that overlap another one of their
/// thread without nesting are counted as malformed and left out; what is outside the window is cut off.
Attribution attribute(const Timeline& timeline);

}  // namespace dydit::timeline
