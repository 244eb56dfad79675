// SPDX-License-Identifier: Apache-2.0
#include "adaln.cuh"
#include "check.h"

namespace dydit::gpu {

namespace {

constexpr int adaln_threads = 384;

template <typename Number>
__global__ __launch_bounds__(adaln_threads, 1) void adaln(const AdaLNLaunch p, int bytes) {
  extern __shared__ __align__(16) std::uint8_t adaln_memory[];
  let_next_kernel_begin();
  wait_for_kernel_before();
  adaln_columns<Number>(p, blockIdx.x, gridDim.x, adaln_memory, bytes);
}

}  // namespace

void launch(const AdaLNLaunch& p, Stream stream) {
  if (p.images == 0 || p.columns == 0) return;
  const auto kernel = p.number == Number::float16 ? adaln<__half> : adaln<__nv_bfloat16>;
  constexpr int rows = 5, warps = adaln_threads / 32;
  const int bytes = adaln_bytes(p, warps, rows);
  allow_shared_memory(kernel, bytes);
  launch_kernel(kernel, std::min(multiprocessors(), (p.columns + warps - 1) / warps), adaln_threads, bytes, 1, stream,
                p, bytes);
}

}  // namespace dydit::gpu
