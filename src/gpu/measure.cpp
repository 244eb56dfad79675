// SPDX-License-Identifier: Apache-2.0
#include "gpu/measure.h"

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/median.h"
#include "instrument/timer.h"
#include "kernels.h"

namespace dydit::gpu {

namespace {

constexpr int runs = 8;

// Some runs of each trial; `within_a_pass`: each between kernels of ours, for a library's begins and ends alone, and a
// kernel of ours does not.
std::vector<at::cuda::CUDAGraph> graphs_of(const std::vector<Trial>& trials, bool within_a_pass) {
  std::vector<at::cuda::CUDAGraph> graphs(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const auto run = [&] {
      trials[i].run();
      if (within_a_pass) launch_nothing(at::cuda::getCurrentCUDAStream());
    };
    run();  // kernels are loaded before they are captured
    graphs[i].capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    for (int n = 0; n < runs; ++n) run();
    graphs[i].capture_end();
  }
  return graphs;
}

// Of a run, in so many replays.
double seconds_of(at::cuda::CUDAGraph& graph, int replays, torch::Device device) {
  instrument::Stopwatch watch(device);
  watch.start();
  for (int i = 0; i < replays; ++i) graph.replay();
  watch.stop();
  return watch.seconds() / (replays * runs);
}

std::vector<Timed> in_turns(std::vector<at::cuda::CUDAGraph>& graphs, torch::Device device) {
  constexpr int turns = 5;
  std::vector<std::vector<double>> seconds(graphs.size());
  for (int turn = 0; turn < turns; ++turn)
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      graphs[i].replay();  // finds what another one left in the cache
      seconds[i].push_back(seconds_of(graphs[i], 1, device));
    }
  std::vector<Timed> timed;
  for (const auto& of_trial : seconds)
    timed.push_back({median_of(of_trial).value, *std::ranges::min_element(of_trial)});
  return timed;
}

c10::cuda::CUDAStreamGuard on_stream_of_its_own(torch::Device device) {
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
  return c10::cuda::CUDAStreamGuard(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
}

}  // namespace

std::vector<Timed> measure(const std::vector<Trial>& trials, torch::Device device) {
  const auto guard = on_stream_of_its_own(device);
  auto graphs = graphs_of(trials, /*within_a_pass=*/false);
  return in_turns(graphs, device);
}

std::size_t fastest(const std::vector<Trial>& trials, torch::Device device) {
  constexpr double long_enough = 20e-6, close = 1.15, load = 16e-3, noise = 1.02;
  constexpr std::size_t most = 4;
  constexpr int turns = 3;
  const auto guard = on_stream_of_its_own(device);
  auto graphs = graphs_of(trials, /*within_a_pass=*/true);
  const std::vector<Timed> timed = in_turns(graphs, device);
  std::vector<double> seconds;
  for (const Timed& one : timed) seconds.push_back(one.median);
  std::vector<std::size_t> order(trials.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return seconds[i]; });
  const double lowest = seconds[order.front()];
  if (lowest >= long_enough) {
    std::vector<double> under_load(trials.size(), std::numeric_limits<double>::infinity());
    std::erase_if(order, [&](std::size_t i) { return seconds[i] > close * lowest; });
    if (order.size() > most) order.resize(most);
    for (int turn = 0; turn < turns; ++turn)  // the first one warms up
      for (const std::size_t i : order) {
        const double now = seconds_of(graphs[i], std::max(static_cast<int>(load / (seconds[i] * runs)), 1), device);
        if (turn > 0) under_load[i] = std::min(under_load[i], now);
      }
    seconds = under_load;
  }
  const auto fastest_of = [&](const auto& takes) {
    std::size_t best = trials.size();
    for (std::size_t i = 0; i < trials.size(); ++i)
      if (takes(trials[i]) && (best == trials.size() || seconds[i] < seconds[best])) best = i;
    return best;
  };
  const std::size_t best = fastest_of([](const Trial&) { return true; });
  const std::size_t own = fastest_of([](const Trial& trial) { return !trial.of_library; });
  return own < trials.size() && seconds[own] <= noise * seconds[best] ? own : best;
}

}  // namespace dydit::gpu
