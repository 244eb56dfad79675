// SPDX-License-Identifier: Apache-2.0
// adaLN of few images: a product that reads a large weight once, and does little with it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels.h"
#include "norm.cuh"
#include "numbers.cuh"
#include "wgmma.cuh"

namespace dydit::gpu {

constexpr int adaln_stages = 8;  // at most: rows of the weight that are on their way to a warp

/// Shared memory for that many rows, and at least one.
inline int adaln_bytes(const AdaLNLaunch& p, int warps, int rows) {
  return p.images * p.width * 2 + warps * (adaln_stages * int(sizeof(Barrier)) + rows * p.width * 2);
}

/// A share of the columns, by all threads of a block: one by a warp at a time, while the next ones are copied to
/// `memory`, of so many bytes.
template <typename Number>
__device__ void adaln_columns(const AdaLNLaunch& p, int block, int blocks, std::uint8_t* memory, int bytes) {
  constexpr int eights = (most_of_adaln + 255) / 256;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, row_bytes = p.width * 2;
  Number* const vectors = reinterpret_cast<Number*>(memory);
  Barrier* const all_full = reinterpret_cast<Barrier*>(memory + p.images * row_bytes);
  Barrier* const full = all_full + warp * adaln_stages;
  std::uint8_t* const rings = reinterpret_cast<std::uint8_t*>(all_full + warps * adaln_stages);
  const int stages = min(adaln_stages, int(memory + bytes - rings) / (warps * row_bytes));
  std::uint8_t* const ring = rings + warp * stages * row_bytes;
  if (threadIdx.x == 0) {
    for (int i = 0; i < warps * adaln_stages; ++i) all_full[i].initialise(1);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  const std::uint64_t policy = read_once();
  const int step = blocks * warps;
  const auto fetch = [&](int column, int stage) {
    if (lane != 0 || column >= p.columns) return;
    full[stage].expect(row_bytes);
    copy_bytes(ring + stage * row_bytes, static_cast<const Number*>(p.weight) + std::int64_t{column} * p.width,
               row_bytes, full[stage], policy);
  };
  int column = block * warps + warp, stage = 0;
  for (int i = 0; i < stages; ++i) fetch(column + i * step, i);
  for (int at = threadIdx.x * 8; at < p.images * p.width; at += blockDim.x * 8)
    Eight<Number>::load(static_cast<const Number*>(p.vector) + at).store(vectors + at);
  __syncthreads();
  float bias = 0;  // lane i's is of the i-th column from here
  std::uint32_t parity = 0;
  for (int i = 0; column < p.columns; ++i, column += step) {
    if (i % 32 == 0 && column + lane * step < p.columns)
      bias = static_cast<float>(static_cast<const Number*>(p.bias)[column + lane * step]);
    full[stage].wait(parity);
    float weight[eights][8];
#pragma unroll
    for (int e = 0; e < eights; ++e)
      (column_of(e) < p.width ? Eight<Number>::load(ring + stage * row_bytes + column_of(e) * 2)
                              : Eight<Number>::zero())
          .to_floats(weight[e]);
    __syncwarp();
    fetch(column + stages * step, stage);
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
    const float of_column = __shfl_sync(~0U, bias, i % 32);
    for (int image = 0; image < p.images; ++image) {
      float sum = 0;
#pragma unroll
      for (int e = 0; e < eights; ++e) {
        if (column_of(e) >= p.width) continue;
        float x[8];
        Eight<Number>::load(vectors + image * p.width + column_of(e)).to_floats(x);
#pragma unroll
        for (int j = 0; j < 8; ++j) sum += weight[e][j] * x[j];
      }
      sum = sum_of_warp(sum);
      if (lane == 0) static_cast<Number*>(p.out)[image * p.out_stride + column] = Number(sum + of_column);
    }
  }
}

}  // namespace dydit::gpu
