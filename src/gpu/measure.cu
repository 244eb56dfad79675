// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "kernels.h"
#include "numbers.cuh"

namespace dydit::gpu {

namespace {

__global__ void nothing() {
  let_next_kernel_begin();
  wait_for_kernel_before();
}

}  // namespace

void launch_nothing(Stream stream) { launch_kernel(nothing, 1, 32, 0, 1, stream); }

}  // namespace dydit::gpu
