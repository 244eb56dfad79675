// SPDX-License-Identifier: Apache-2.0
#include "gpu/measure.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include "base/median.h"
#include "instrument/timer.h"

namespace dydit::gpu {

std::vector<double> measure(const std::vector<Trial>& trials, torch::Device device) {
  constexpr int turns = 5, runs = 8;
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
  std::vector<at::cuda::CUDAGraph> graphs(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    trials[i].run();  // kernels are loaded before they are captured
    graphs[i].capture_begin();
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
  std::vector<double> medians;
  for (const auto& of_trial : seconds) medians.push_back(median_of(of_trial).value);
  return medians;
}

}  // namespace dydit::gpu
