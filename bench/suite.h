// SPDX-License-Identifier: Apache-2.0
// How suites name, time and count their benchmarks.
//
// A name is "suite/axis:value/axis:value", so that --benchmark_filter picks by axis. All times are "manual time", of
// instrument::Stopwatch: on a GPU that of its events. Passes are given to the device one after the other, behind some
// that warm up, and the host waits once, behind the last one; so what is timed is throughput, from the end of the last
// pass that does not count to the end of the last one that does. Where two works are compared within a benchmark, laps
// of both alternate, each behind a pass of its own that does not count: it finds the caches as it leaves them.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/faults.h"
#include "instrument/timer.h"

namespace dydit::bench {

using benchmark::State;

struct Axis {
  template <typename Value>
  Axis(std::string of, const Value& at) : name(std::move(of)), value(fmt::format("{}", at)) {}
  std::string name, value;
};
using Axes = std::vector<Axis>;

/// The CPU, and the first GPU where there is one.
inline std::vector<torch::Device> devices() {
  std::vector<torch::Device> all{torch::kCPU};
  if (torch::cuda::is_available()) all.emplace_back(torch::kCUDA, 0);
  return all;
}

inline Axis device_axis(torch::Device device) {
  return {"device", torch::DeviceTypeName(device.type(), /*lower_case=*/true)};
}

inline std::string name_of(std::string suite, const Axes& axes) {
  for (const auto& [name, value] : axes) suite += fmt::format("/{}:{}", name, value);
  return suite;
}

inline bool any_failed = false;  ///< what the program ends with

/// `run` sets the time by one of the functions below. What it throws becomes the benchmark's error.
inline benchmark::internal::Benchmark* add(const std::string& suite, const Axes& axes,
                                           std::function<void(State&)> run) {
  return benchmark::RegisterBenchmark(name_of(suite, axes).c_str(),
                                      [run = std::move(run)](State& state) {
                                        try {
                                          run(state);
                                        } catch (const std::exception& error) {
                                          state.SkipWithError(one_line(error).c_str());
                                          any_failed = true;
                                        }
                                      })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

/// A GPU needs some passes until the host is ahead of it.
template <typename Pass>
void warm_up(torch::Device device, const Pass& pass) {
  for (int i = 0; i < (device.is_cpu() ? 1 : 3); ++i) pass();
}

/// An iteration is a pass.
template <typename Pass>
void time(State& state, torch::Device device, const Pass& pass) {
  warm_up(device, pass);
  instrument::Stopwatch watch(device);
  watch.start();
  for ([[maybe_unused]] auto _ : state) pass();
  watch.stop();
  state.SetIterationTime(watch.seconds());
}

/// Laps of a work, of as many passes as take a millisecond at least: shorter ones a GPU's events cannot tell apart.
template <typename Pass>
class Laps {
 public:
  Laps(torch::Device device, const Pass& pass) : pass_(pass), watch_(device) {
    warm_up(device, pass);
    constexpr double shortest = 1e-3, most = 1000;
    run();
    passes_ = static_cast<std::int64_t>(std::clamp(std::ceil(shortest / watch_.seconds()), 1.0, most));
    watch_ = instrument::Stopwatch(device);
  }
  void run() {
    pass_();
    watch_.start();
    for (std::int64_t i = 0; i < passes_; ++i) pass_();
    watch_.stop();
  }
  std::int64_t passes() const { return passes_; }  ///< of a lap
  double seconds() { return watch_.seconds(); }    ///< of all laps

 private:
  const Pass& pass_;
  instrument::Stopwatch watch_;
  std::int64_t passes_ = 1;
};

/// Times `pass`, of so many iterations, and gives seconds of the reference over seconds of `pass`, from laps that
/// alternate.
template <typename Pass, typename Reference>
double time_beside(State& state, torch::Device device, const Pass& pass, const Reference& reference,
                   std::int64_t iterations = 1) {
  Laps laps(device, pass);
  Laps of_reference(device, reference);
  double count = 0;
  while (state.KeepRunningBatch(laps.passes() * iterations)) {
    laps.run();
    of_reference.run();
    ++count;
  }
  state.SetIterationTime(laps.seconds());
  const auto passes = [&](const auto& of) { return count * static_cast<double>(of.passes()); };
  return of_reference.seconds() / passes(of_reference) / (laps.seconds() / passes(laps));
}

inline void count_macs(State& state, double of_pass) {
  state.counters["MACs/s"] = {of_pass, benchmark::Counter::kIsIterationInvariantRate};
}
inline void count_bytes(State& state, double of_pass) {
  state.counters["bytes/s"] = {of_pass, benchmark::Counter::kIsIterationInvariantRate};
}
inline void count_items(State& state, std::int64_t of_pass) { state.SetItemsProcessed(state.iterations() * of_pass); }

}  // namespace dydit::bench
