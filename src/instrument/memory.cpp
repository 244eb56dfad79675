// SPDX-License-Identifier: Apache-2.0
#include "instrument/memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>
#include <memory>

namespace dydit::instrument {

namespace {

// What LibTorch's allocators report to: a size for each allocation, its negative when it is freed.
struct Count final : c10::MemoryReportingInfoBase {
  // From any thread that works for the one that measures.
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override {
    const std::int64_t now = alive += size;
    if (size > 0) ++allocations;
    for (std::int64_t most = peak; most < now && !peak.compare_exchange_weak(most, now);) {
    }
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::atomic<std::int64_t> alive = 0, peak = 0, allocations = 0;
};

}  // namespace

Allocated allocated_by(const std::function<void()>& work) {
  const auto count = std::make_shared<Count>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, count);
  work();
  return {.peak_bytes = count->peak, .allocations = count->allocations};
}

}  // namespace dydit::instrument
