// SPDX-License-Identifier: Apache-2.0
// Which of several ways to the same result is fastest here.
#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

namespace dydit::gpu {

struct Trial {
  std::string name;
  std::function<void()> run;  ///< on the current stream
};

/// Seconds of each: the median of some turns, in which the trials alternate, each as a graph of some runs, so that the
/// host's launches take no part. Waits for the GPU; not while a graph is captured.
std::vector<double> measure(const std::vector<Trial>& trials, torch::Device device);

}  // namespace dydit::gpu
