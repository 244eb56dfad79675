// SPDX-License-Identifier: Apache-2.0
// What the kernels of products have in common: their arguments, their matrices as they are copied, and the ring of
// stages that these are copied into.
#pragma once

#include <cstdint>

#include "kernels.h"
#include "tensor_map.h"
#include "wgmma.cuh"

namespace dydit::gpu {

constexpr int depth = 64;         // columns of a stage: 128 bytes of a row
constexpr int written_rows = 16;  // of a tile, by a warp
constexpr int most_shared_bytes = 227 * 1024;

struct Arguments {
  int m, n, k;
  const int *count, *rows;
  const void *bias, *gate;
  void* out;
  int gate_stride, tokens;
  const void *second, *second_bias;
  std::int64_t out_stride;
  bool backwards;
  bool old_weight;  // nobody has written it since long before: it may be read before the kernel before has ended
};
inline Arguments arguments_of(const ProductLaunch& p, bool old_weight = false) {
  return {.m = p.m,
          .n = p.n,
          .k = p.k,
          .count = p.count,
          .rows = p.rows,
          .bias = p.bias,
          .gate = p.gate,
          .out = p.out,
          .gate_stride = static_cast<int>(p.gate_stride),
          .tokens = p.tokens,
          .second = p.second,
          .second_bias = p.second_bias,
          .out_stride = p.out_stride,
          .backwards = p.backwards,
          .old_weight = old_weight};
}

/// Boxes of 64 columns and so many rows of x and of the weight (of no columns: any memory, of which nothing is read),
/// and of sixteen rows of what is written (of logits: unused).
struct Operands {
  CUtensorMap x, weight, out;
};
inline Operands operands_of(const ProductLaunch& p, int x_rows, int weight_rows) {
  const auto matrix = [&](const void* data, int rows, std::int64_t stride, int box_rows) {
    return p.k == 0 ? tensor_map(p.number, p.bias, {8, 1}, {8}, {depth, box_rows})
                    : tensor_map(p.number, data, {p.k, rows}, {stride}, {depth, box_rows});
  };
  const CUtensorMap x = matrix(p.x, p.m, p.x_stride, x_rows);
  return {x, matrix(p.weight, p.n, p.weight_stride, weight_rows),
          p.epilogue == Epilogue::logits
              ? x
              : tensor_map(p.number, p.out, {p.n, p.out_rows}, {p.n}, {depth, written_rows})};
}

/// Where a warpgroup is in a ring of stages.
template <int Stages>
struct Place {
  int stage = 0;
  std::uint32_t parity = 0;
  __device__ void next() {
    if (++stage == Stages) {
      stage = 0;
      parity ^= 1;
    }
  }
  __device__ void skip(int count) {
    const int sum = stage + count;
    parity ^= (sum / Stages) & 1;
    stage = sum % Stages;
  }
};

}  // namespace dydit::gpu
