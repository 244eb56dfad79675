// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "kernels.h"
#include "numbers.cuh"

namespace dydit::gpu {

namespace {

__global__ void read_clocks(ClockReading* readings) {
  wait_for_kernel_before();
  unsigned multiprocessor;
  std::int64_t cycles, nanoseconds;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(multiprocessor));
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(cycles));
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(nanoseconds));
  readings[blockIdx.x] = {multiprocessor, cycles, nanoseconds};
}

}  // namespace

void launch_clock_readings(ClockReading* readings, int blocks, Stream stream) {
  launch_kernel(read_clocks, blocks, 1, 0, 1, stream, readings);
}

}  // namespace dydit::gpu
