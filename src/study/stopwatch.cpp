// SPDX-License-Identifier: Apache-2.0
#include "stopwatch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>

namespace dydit::study {

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

c10::Event Stopwatch::mark() const {
  c10::Event event(device_.type(), c10::EventFlag::BACKEND_DEFAULT);  // PyTorch's own default keeps no time
  event.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  return event;
}

void Stopwatch::start() {
  if (device_.is_cpu())
    begin_ = now();
  else
    begun_.emplace(mark());
}

void Stopwatch::stop() {
  if (device_.is_cpu())
    seconds_ += now() - begin_;
  else
    laps_.emplace_back(std::move(*begun_), mark());
}

double Stopwatch::seconds() {
  for (auto& [begin, end] : laps_) {
    end.synchronize();
    seconds_ += begin.elapsedTime(end) / 1000;
  }
  laps_.clear();
  return seconds_;
}

}  // namespace dydit::study
