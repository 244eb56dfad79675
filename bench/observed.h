// SPDX-License-Identifier: Apache-2.0
// Passes that a collector looks at.
#pragma once

#include "instrument/collector.h"
#include "suite.h"

namespace dydit::bench {

/// Times passes within a window of a collector, or without one. `ratio` is their time over that of as many without a
/// collector, each way in turn; `collect_ms` the whole of a window for each pass in it, the timeline made of it
/// included.
template <typename Pass>
void time_observed(State& state, torch::Device device, const instrument::Collecting* what, const Pass& pass) {
  constexpr std::int64_t passes = 4;
  warm_up(device, pass);
  instrument::Stopwatch observed(device), unobserved(device), whole(torch::kCPU);
  const auto window = [&](instrument::Stopwatch& watch) {
    pass();
    watch.start();
    for (std::int64_t i = 0; i < passes; ++i) pass();
    watch.stop();
  };
  while (state.KeepRunningBatch(passes)) {
    window(unobserved);
    if (what == nullptr) continue;
    whole.start();
    benchmark::DoNotOptimize(instrument::collect(*what, [&] { window(observed); }));
    whole.stop();
  }
  if (what == nullptr) return state.SetIterationTime(unobserved.seconds());
  state.SetIterationTime(observed.seconds());
  state.counters["ratio"] = observed.seconds() / unobserved.seconds();
  state.counters["collect_ms"] =
      1e3 * whole.seconds() * passes / (passes + 1) / static_cast<double>(state.iterations());
}

}  // namespace dydit::bench
