// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace dydit::instrument {

/// What was taken for tensors, on any device and on all threads. What libraries take behind LibTorch's back is not in
/// it.
struct Allocated {
  std::int64_t peak_bytes = 0;   ///< most that was alive at once
  std::int64_t allocations = 0;  ///< how often something was taken; a graph's replay is one
};

/// That of `work` and of all threads that work for it.
Allocated allocated_by(const std::function<void()>& work);

}  // namespace dydit::instrument
