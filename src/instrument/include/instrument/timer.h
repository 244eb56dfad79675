// SPDX-License-Identifier: Apache-2.0
// The clock of a measurement: a device's, or in tests a made-up one.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

namespace dydit::instrument {

class Timer {
 public:
  virtual ~Timer() = default;
  /// Waits until the device has done all that it was given.
  virtual void drain() = 0;
  /// Begins the first lap of a row, with the work that the device is given from now on. A row that was not read is
  /// forgotten.
  virtual void start() = 0;
  /// Ends a lap behind the work that the device was given so far, and begins the next one. Does not wait.
  virtual void lap() = 0;
  /// Seconds of the laps since start(). Waits for the last one.
  virtual std::vector<double> laps() = 0;
};

/// A GPU's laps are told by events in its current stream, the CPU's by the steady clock.
std::unique_ptr<Timer> timer_of(torch::Device device);

}  // namespace dydit::instrument
