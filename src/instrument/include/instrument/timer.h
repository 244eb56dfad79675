// SPDX-License-Identifier: Apache-2.0
// The time that a device takes: of work that is not waited for, and the clock of a measurement, in tests a made-up one.
#pragma once

#include <c10/core/Event.h>
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace dydit::instrument {

/// Now by the clock that never goes back, from an arbitrary moment on.
double steady_seconds();
std::int64_t steady_nanoseconds();

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
  double begin_ = 0;                                       // on the CPU
  std::optional<c10::Event> begun_;                        // on a GPU
  std::vector<std::pair<c10::Event, c10::Event>> events_;  // on a GPU, of laps not yet in seconds_
  std::vector<double> seconds_;
};

/// The clock of a measurement.
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
