// SPDX-License-Identifier: Apache-2.0
#include "instrument/timer.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include "instrument/stopwatch.h"

namespace dydit::instrument {

namespace {

class DeviceTimer final : public Timer {
 public:
  explicit DeviceTimer(torch::Device device) : device_(device), watch_(device) {}

  void drain() override {
    if (device_.is_cpu()) return;
    const c10::impl::VirtualGuardImpl guard(device_.type());
    guard.synchronizeStream(guard.getStream(device_));
  }
  void start() override {
    watch_ = Stopwatch(device_);
    watch_.start();
  }
  void lap() override {
    watch_.stop();
    watch_.start();
  }
  std::vector<double> laps() override { return watch_.laps(); }

 private:
  torch::Device device_;
  Stopwatch watch_;
};

}  // namespace

std::unique_ptr<Timer> timer_of(torch::Device device) { return std::make_unique<DeviceTimer>(device); }

}  // namespace dydit::instrument
