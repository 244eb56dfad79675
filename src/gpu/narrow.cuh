// SPDX-License-Identifier: Apache-2.0
// Products with a weight of few rows, of tokens that lie in shared memory: a router's hidden units, the final layer.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace dydit::gpu {

// Of a row in shared memory: eight of them lie so that reads of 16 bytes by four lanes of each meet no bank twice.
__host__ __device__ constexpr int pitch_of(int width) {
  return width * 2 / 128 * 128 + 64 + (width * 2 % 128 > 64 ? 128 : 0);
}

/// sum (16,8) += a (16,16) b (8,16)^T, by a warp.
__device__ inline void multiply_16x8x16(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                                        __nv_bfloat16) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ inline void multiply_16x8x16(float (&sum)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                                        __half) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Sixteen rows times a weight (8 Columns8, width), by eight warps, each with another slice of the width of at most 256
/// `Steps`; the slices' sums are to be added up: sums[slice][row][column].
constexpr int narrow_rows = 16, narrow_warps = 8;

template <typename Number, int Columns8, int Steps, bool Ahead>
class NarrowProduct {
 public:
  /// `Ahead` reads the weight here, where there are registers for it: long before the rows, if need be.
  __device__ NarrowProduct(const Number* weight, int width)
      : weight_(weight + threadIdx.x % 32 / 4 * width + threadIdx.x % 4 * 8), width_(width) {
    if constexpr (ahead)
#pragma unroll
      for (int step = 0; step < Steps; ++step) read(step, bits_[step]);
  }

  __device__ void multiply(const std::uint8_t* rows, float* sums) {
    const int lane = threadIdx.x % 32, slice = threadIdx.x / 32, pitch = pitch_of(width_);
    // Columns go to the lanes in another order than they stand in, of rows and weights alike, so that a lane reads
    // eight that are neighbours.
    float sum[Columns8][4] = {};
    const std::uint8_t* const mine = rows + lane / 4 * pitch + lane % 4 * 16;
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
      const int k = column_of(step);
      if (k >= width_) break;
      uint4(&bits)[Columns8] = bits_[ahead ? step : 0];
      if (!ahead) read(step, bits);
      const uint4 upper = *reinterpret_cast<const uint4*>(mine + k * 2),
                  lower = *reinterpret_cast<const uint4*>(mine + 8 * pitch + k * 2);
      const std::uint32_t a[2][4] = {{upper.x, lower.x, upper.y, lower.y}, {upper.z, lower.z, upper.w, lower.w}};
#pragma unroll
      for (int n = 0; n < Columns8; ++n) {
        const std::uint32_t b[2][2] = {{bits[n].x, bits[n].y}, {bits[n].z, bits[n].w}};
        multiply_16x8x16(sum[n], a[0], b[0], Number{});
        multiply_16x8x16(sum[n], a[1], b[1], Number{});
      }
    }
#pragma unroll
    for (int n = 0; n < Columns8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sums[(slice * narrow_rows + lane / 4 + i / 2 * 8) * Columns8 * 8 + n * 8 + lane % 4 * 2 + i % 2] = sum[n][i];
  }

 private:
  static constexpr bool ahead = Ahead && Columns8 <= 9;

  static __device__ int column_of(int step) { return (step * narrow_warps + threadIdx.x / 32) * 32; }
  __device__ void read(int step, uint4 (&bits)[Columns8]) const {
    const int k = column_of(step);
    if (k >= width_) return;
#pragma unroll
    for (int n = 0; n < Columns8; ++n) bits[n] = __ldg(reinterpret_cast<const uint4*>(weight_ + n * 8 * width_ + k));
  }

  const Number* weight_;
  int width_;
  uint4 bits_[ahead ? Steps : 1][Columns8];
};

/// One number of the product, when all warps have come here.
template <int Columns8>
__device__ float narrow_sum(const float* sums, int row, int column) {
  float sum = 0;
#pragma unroll
  for (int slice = 0; slice < narrow_warps; ++slice) sum += sums[(slice * narrow_rows + row) * Columns8 * 8 + column];
  return sum;
}

}  // namespace dydit::gpu
