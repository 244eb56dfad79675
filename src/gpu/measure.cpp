// SPDX-License-Identifier: Apache-2.0
#include "gpu/measure.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include <algorithm>

#include "base/median.h"
#include "instrument/timer.h"

namespace dydit::gpu {

std::vector<Timed> measure(const std::vector<Trial>& trials, torch::Device device) {
  constexpr int turns = 5, runs = 8;
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
  std::vector<at::cuda::CUDAGraph> graphs(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    trials[i].run();  // kernels are loaded before they are captured
    graphs[i].capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    for (int run = 0; run < runs; ++run) trials[i].run();
    graphs[i].capture_end();
  }
  std::vector<std::vector<double>> seconds(trials.size());
  for (int turn = 0; turn < turns; ++turn)
    for (std::size_t i = 0; i < trials.size(); ++i) {
      graphs[i].replay();  // finds what another one left in the cache
      instrument::Stopwatch watch(device);
      watch.start();
      graphs[i].replay();
      watch.stop();
      seconds[i].push_back(watch.seconds() / runs);
    }
  std::vector<Timed> timed;
  for (const auto& of_trial : seconds)
    timed.push_back({median_of(of_trial).value, *std::ranges::min_element(of_trial)});
  return timed;
}

std::size_t fastest(const std::vector<Timed>& timed) {
  return static_cast<std::size_t>(std::ranges::min_element(timed, {}, &Timed::median) - timed.begin());
}

}  // namespace dydit::gpu
