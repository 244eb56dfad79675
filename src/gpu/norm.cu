// SPDX-License-Identifier: Apache-2.0
// LayerNorm with modulation, each warp of a row.
#include "ahead.cuh"
#include "check.h"
#include "kernels.h"
#include "norm.cuh"

namespace dydit::gpu {

namespace {

constexpr int warps = 8, few_rows = 2048;

template <typename Number, int Eights, bool Few>
__global__ __launch_bounds__(warps * 32, Few || Eights > 5 ? 1 : 4) void norm(const NormLaunch p) {
  let_next_kernel_begin();
  if (Few) fetch_ahead(p.ahead);
  const int after_wait = wait_for_kernel_before();
  const int row = blockIdx.x * warps + threadIdx.x / 32;
  if (row >= p.rows) return;
  const Number* const x = static_cast<const Number*>(p.x) + std::int64_t{row} * p.width;
  const std::int64_t image = row / p.tokens * p.modulation_stride + after_wait;
  RowPart<Number, Eights> part;
  part.read([&](int at) { return Eight<Number>::load(x + at); }, p.width);
  part.template norm<Few>(static_cast<const Number*>(p.shift) + image, static_cast<const Number*>(p.scale) + image,
                          p.width);
  part.store(static_cast<Number*>(p.out) + std::int64_t{row} * p.width, p.width);
}

template <typename Number>
void launch_of(const NormLaunch& p, Stream stream) {
  with_eights(p.width, [&](auto eights) {
    const auto with = [&](auto kernel) {
      launch_kernel(kernel, (p.rows + warps - 1) / warps, warps * 32, 0, 1, stream, p);
    };
    constexpr int number = decltype(eights)::value;
    p.rows <= few_rows ? with(norm<Number, number, true>) : with(norm<Number, number, false>);
  });
}

}  // namespace

void launch(const NormLaunch& p, Stream stream) {
  if (p.rows == 0) return;
  p.number == Number::float16 ? launch_of<__half>(p, stream) : launch_of<__nv_bfloat16>(p, stream);
}

}  // namespace dydit::gpu
