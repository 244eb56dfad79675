// SPDX-License-Identifier: Apache-2.0
// What it costs to name the parts of the work: ranges that nobody observes, and the same passes with nobody, with
// ranges alone, and with the collector of operators, their MACs and bytes (compare the medians of repetitions in random
// order).
#include "base/range.h"
#include "observed.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

void unobserved(State& state) {
  time(state, torch::kCPU, [] {
    const Range range("one", 1);
    benchmark::ClobberMemory();
  });
}

// Of a range that is collected; many of them stand under one collector.
void observed(State& state) {
  constexpr std::int64_t ranges = 1000;
  time(state, torch::kCPU, [] {
    benchmark::DoNotOptimize(instrument::collect({.operators = false}, [] {
      for (std::int64_t i = 0; i < ranges; ++i) const Range range("one", i % 32);
    }));
  });
  count_items(state, ranges);
}

void forward(State& state, const Subject& subject, const std::string& with) {
  const torch::InferenceMode inference;
  dit::DiT dit = subject.network("DiT");
  const model::Inputs in = subject.inputs(dit);
  const bool operators = with == "operators";
  const instrument::Collecting what{.operators = operators, .work = operators};
  time_observed(state, subject.device, with == "nobody" ? nullptr : &what,
                [&] { benchmark::DoNotOptimize(dit->complete(in)); });
}

}  // namespace

void add_collectors() {
  add("collector/range/unobserved", {}, unobserved)->Unit(benchmark::kNanosecond);
  add("collector/range/observed", {{"ranges", 1000}}, observed)->Unit(benchmark::kMicrosecond);
  for (const char* model : {"S-4", "S-2"})
    for (const char* with : {"nobody", "ranges", "operators"}) {
      const Subject subject{torch::kCPU, model, 4, torch::kFloat32};
      add("collector/forward", subject.axes({{"with", with}}), [=](State& state) { forward(state, subject, with); });
    }
}

}  // namespace dydit::bench
