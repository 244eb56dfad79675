// SPDX-License-Identifier: Apache-2.0
#include "instrument/timer.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <numeric>

namespace dydit::instrument {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t steady_nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

c10::Event Stopwatch::mark() const {
  c10::Event event(device_.type(), c10::EventFlag::BACKEND_DEFAULT);  // PyTorch's own default keeps no time
  event.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  return event;
}

void Stopwatch::start() {
  if (device_.is_cpu())
    begin_ = now_();
  else
    begun_.emplace(mark());
}

void Stopwatch::stop() {
  if (device_.is_cpu())
    seconds_.push_back(now_() - begin_);
  else
    events_.emplace_back(std::move(*begun_), mark());
}

std::vector<double> Stopwatch::laps() {
  for (auto& [begin, end] : events_) {
    end.synchronize();
    seconds_.push_back(begin.elapsedTime(end) / 1000);
  }
  events_.clear();
  return seconds_;
}

double Stopwatch::seconds() {
  const std::vector<double> all = laps();
  return std::accumulate(all.begin(), all.end(), 0.0);
}

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
