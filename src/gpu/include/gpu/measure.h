// SPDX-License-Identifier: Apache-2.0
// Which of several ways to the same result is fastest here.
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dydit::gpu {

struct Trial {
  std::string name;
  std::function<void()> run;  ///< on the current stream
  bool of_library = false;    ///< it neither begins nor lets begin while a neighbour runs
};

/// Seconds of a run.
struct Timed {
  double median, lowest;  ///< of the turns
};
/// Of each trial, in turns in which they alternate, each as a graph of some runs, so that the host's launches take no
/// part. Waits for the GPU; not while a graph is captured.
std::vector<Timed> measure(const std::vector<Trial>& trials, torch::Device device);
/// The fastest one, measured so as a part of a pass, between other kernels; of several that are close and take long,
/// the one that is fastest when it goes on alone for a while: a GPU at its limit of power slows some kernels down more
/// than others. Not a library's where one of ours is within the noise of it.
std::size_t fastest(const std::vector<Trial>& trials, torch::Device device);

}  // namespace dydit::gpu
