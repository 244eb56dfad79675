// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace dydit::gpu {

/// What a block of a kernel reads: on which multiprocessor it runs, the cycles of that one, the time of the GPU.
struct ClockReading {
  std::int64_t multiprocessor, cycles, nanoseconds;
};

}  // namespace dydit::gpu
