// SPDX-License-Identifier: Apache-2.0
// What it costs to name the parts of the work: ranges that nobody observes, ranges alone, and the collector of
// operators with their MACs and bytes, each against the same four passes (range/forward/...; compare the medians of
// repetitions in random order).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/range.h"
#include "dit/dit.h"
#include "instrument/collector.h"

namespace {

using namespace dydit;

void unobserved(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    const Range range("one", 1);
    benchmark::ClobberMemory();
  }
}

// Of a range that is collected; many of them stand under one collector.
void observed(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(instrument::collect({.operators = false}, [] {
      for (int i = 0; i < 1000; ++i) const Range range("one", i % 32);
    }));
  state.SetItemsProcessed(1000 * state.iterations());
}

enum class Observer { none, ranges, operators };

void forward(benchmark::State& state, const std::string& name, std::int64_t n, Observer observer) {
  torch::InferenceMode inference;
  dit::DiT dit(dit::published(name));
  dit->randomise(0);
  dit->eval();
  const auto& c = dit->configuration;
  const auto x = torch::randn({n, c.in_channels, c.input_size, c.input_size}), t = torch::full({n}, 500),
             y = torch::zeros({n}, torch::kInt64);
  dit->forward(x, t, y);
  const instrument::Collecting what{.operators = observer == Observer::operators,
                                    .work = observer == Observer::operators};
  const auto passes = [&] {
    for (int i = 0; i < 4; ++i) dit->forward(x, t, y);
  };
  for ([[maybe_unused]] auto _ : state) {
    if (observer == Observer::none)
      passes();
    else
      benchmark::DoNotOptimize(instrument::collect(what, passes));
  }
}

[[maybe_unused]] const bool registered = [] {
  benchmark::RegisterBenchmark("range/unobserved", unobserved);
  benchmark::RegisterBenchmark("range/observed:1000", observed);
  for (const char* name : {"DiT-S/4", "DiT-S/2"})
    for (const auto& [label, observer] :
         {std::pair{"nobody", Observer::none}, {"ranges", Observer::ranges}, {"operators", Observer::operators}})
      benchmark::RegisterBenchmark(fmt::format("range/forward/{}/batch:4/{}", name, label).c_str(), forward, name, 4,
                                   observer)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
