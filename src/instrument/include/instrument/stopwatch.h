// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Event.h>
#include <torch/types.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace dydit::instrument {

/// Now by the clock that never goes back, from an arbitrary moment on.
double steady_seconds();

/// The time that a device spends between start() and stop(), over all laps. A GPU's is told by events in its stream,
/// so that each lap holds its own kernels and the host does not wait.
class Stopwatch {
 public:
  /// `now`: the clock of the CPU, in seconds.
  explicit Stopwatch(torch::Device device, std::function<double()> now = steady_seconds)
      : device_(device), now_(std::move(now)) {}
  void start();
  void stop();
  /// On a GPU, waits for the last lap.
  double seconds();
  /// The laps one by one, in seconds; waits like seconds().
  std::vector<double> laps();

 private:
  c10::Event mark() const;

  torch::Device device_;
  std::function<double()> now_;
  double begin_ = 0;                                     // on the CPU
  std::optional<c10::Event> begun_;                      // on a GPU
  std::vector<std::pair<c10::Event, c10::Event>> events_;  // on a GPU, of laps not yet in seconds_
  std::vector<double> seconds_;
};

}  // namespace dydit::instrument
