// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "base/error.h"

namespace dydit::gpu {

void check(cudaError_t result) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // the next call is not to be told of it once more
  throw RunError("CUDA reports an error", cudaGetErrorString(result));
}

void require(bool holds, const char* what) {
  if (!holds) throw RunError("a kernel cannot be launched", what);
}

int multiprocessors() {
  int device = 0, count = 0;
  check(cudaGetDevice(&device));
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device));
  return count;
}

}  // namespace dydit::gpu
