// SPDX-License-Identifier: Apache-2.0
// LayerNorm with modulation: a warp takes a row, which it reads once.
#include "check.h"
#include "kernels.h"
#include "norm.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = 8;

template <typename Number, int Eights>
__global__ __launch_bounds__(warps * 32) void norm(const NormLaunch p) {
  let_next_kernel_begin();
  wait_for_kernel_before();
  const int row = blockIdx.x * warps + threadIdx.x / 32;
  if (row >= p.rows) return;
  const Number* const x = static_cast<const Number*>(p.x) + std::int64_t{row} * p.width;
  const std::int64_t image = row / p.tokens * p.modulation_stride;
  norm_row<Number, Eights>([&](int at) { return Eight<Number>::load(x + at); },
                           static_cast<const Number*>(p.shift) + image, static_cast<const Number*>(p.scale) + image,
                           static_cast<Number*>(p.out) + std::int64_t{row} * p.width, p.width);
}

template <typename Number>
void launch_of(const NormLaunch& p, Stream stream) {
  const auto with = [&](auto kernel) {
    launch_kernel(kernel, (p.rows + warps - 1) / warps, warps * 32, 0, 1, stream, p);
  };
  with_eights(p.width, [&](auto eights) { with(norm<Number, decltype(eights)::value>); });
}

}  // namespace

void launch(const NormLaunch& p, Stream stream) {
  if (p.rows == 0) return;
  p.number == Number::float16 ? launch_of<__half>(p, stream) : launch_of<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
