// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kernels.h"

namespace dydit::gpu {

/// Has weights on their way into the L2 cache, each block of threads a share of them, while the kernel does something
/// else. Of weights: nobody writes them meanwhile, so this may be before a wait.
__device__ inline void fetch_ahead(const Ahead& ahead) {
  if (threadIdx.x != 0) return;
  for (int i = 0; i < 2; ++i) {
    constexpr unsigned piece = 16384;
    const char* const data = static_cast<const char*>(ahead.data[i]);
    for (unsigned at = blockIdx.x * piece; at < ahead.bytes[i]; at += gridDim.x * piece)
      asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(data + at), "r"(min(piece, ahead.bytes[i] - at))
                   : "memory");
  }
}

}  // namespace dydit::gpu
