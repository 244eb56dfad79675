// SPDX-License-Identifier: Apache-2.0
// What the kernels of products have in common: their arguments, and what becomes of sixteen rows of a tile.
#pragma once

#include <cstdint>

#include "kernels.h"
#include "numbers.cuh"
#include "tensor_map.h"
#include "wgmma.cuh"

namespace dydit::gpu {

constexpr int depth = 64;  // columns of a stage: 128 bytes of a row

struct Arguments {
  int m, n, k;
  const int *count, *rows;
  const void *bias, *gate;
  void* out;
  int gate_stride, tokens;
  const void *second, *second_bias;
  std::int64_t out_stride;
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
          .old_weight = old_weight};
}

/// Boxes of 64 columns and so many rows of x and of the weight. Of no columns: any memory, of which nothing is read.
struct Operands {
  CUtensorMap x, weight;
};
inline Operands operands_of(const ProductLaunch& p, int x_rows, int weight_rows) {
  const auto matrix = [&](const void* data, int rows, std::int64_t stride, int box_rows) {
    return p.k == 0 ? tensor_map(p.number, p.bias, {8, 1}, {8}, {depth, box_rows})
                    : tensor_map(p.number, data, {p.k, rows}, {stride}, {depth, box_rows});
  };
  return {matrix(p.x, p.m, p.x_stride, x_rows), matrix(p.weight, p.n, p.weight_stride, weight_rows)};
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

// GELU's tanh approximation. The instruction's tanh is off by 5e-4 at most, a quarter of what bfloat16 rounds: a GPU
// that multiplies at its limit of power is the slower for each instruction beside it.
__device__ inline float gelu(float x) {
  constexpr float first = 0.7978845608F, third = 0.7978845608F * 0.044715F;
  float tanh;
  asm("tanh.approx.f32 %0, %1;" : "=f"(tanh) : "f"(x * (first + third * x * x)));
  const float half = 0.5F * x;
  return half * tanh + half;
}

/// Of sixteen rows that a warp writes: where each goes, and with a gated residual where its image's gate is. Lane i
/// knows of row i.
struct SixteenRows {
  int at, image;
};

/// Writes sixteen rows of a sum by a warp, eight columns of a row by a lane at a time.
template <typename Number, int Columns, Epilogue epilogue>
class Writer {
 public:
  static constexpr bool adds = epilogue == Epilogue::gated_residual;
  // Of a row that is written out: an odd number of 16 bytes, so that eight rows lie in different banks.
  static constexpr int pitch = (Columns / 8 | 1) * 16, bytes = 16 * pitch;
  static constexpr int eights = Columns / 8, turns = (16 * eights + 31) / 32;

  /// What a gated residual reads besides: it may be under way long before it is needed.
  struct Read {
    Eight<Number> stream[adds ? turns : 1], gates[adds ? turns : 1];
  };

  /// `gate`: behind the wait for the kernel before. `staging`: `bytes` of shared memory for the warp alone.
  __device__ Writer(const Arguments& p, const Number* gate, std::uint8_t* staging)
      : p_(p), gate_(gate), out_(static_cast<Number*>(p.out)), staging_(staging) {}

  __device__ SixteenRows rows(int first, int m) const {
    const int from = first + lane() % 16, to = from >= m ? -1 : adds && p_.rows ? p_.rows[from] : from;
    return {to < 0 ? -1 : to * p_.n, adds && to >= 0 ? to / p_.tokens * p_.gate_stride : 0};
  }
  __device__ void read_stream(Read& read, const SixteenRows& rows, int column) const {
#pragma unroll
    for (int turn = 0; turn < (adds ? turns : 0); ++turn) {
      const int to = at_of(rows, turn), c = column + column_of(turn);
      read.stream[turn] =
          row_of(turn) < 16 && to >= 0 && c < p_.n ? Eight<Number>::load(out_ + to + c) : Eight<Number>::zero();
    }
  }
  /// `at_once`: all of them are under way before the first is needed; else where registers are free.
  template <bool at_once>
  __device__ void read_gates(Read& read, const SixteenRows& rows, int column) const {
#pragma unroll
    for (int turn = 0; turn < (adds ? turns : 0); ++turn) {
      const int image = __shfl_sync(~0U, rows.image, row_of(turn) % 16), c = column + column_of(turn);
      const Number* const gate = gate_ + image + c;
      read.gates[turn] = c >= p_.n ? Eight<Number>::zero()
                         : at_once ? Eight<Number>::load(gate)
                                   : Eight<Number>::constant(gate);
    }
  }
  /// The sum with its bias into the staging memory, in the type of the output.
  __device__ void stage(const float (&sum)[Columns / 2], int column) const {
    const Number* const bias = static_cast<const Number*>(p_.bias);
    __syncwarp();
#pragma unroll
    for (int e = 0; e < eights; e += 2) {
      std::uint32_t values[4] = {};
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        if (e + j >= eights) continue;
        const int c = column + (e + j) * 8 + lane() % 4 * 2;
        const float2 b =
            c < p_.n ? floats<Number>(__ldg(reinterpret_cast<const unsigned*>(bias + c))) : make_float2(0, 0);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float left = sum[(e + j) * 4 + half * 2] + b.x, right = sum[(e + j) * 4 + half * 2 + 1] + b.y;
          if (epilogue == Epilogue::gelu) {
            left = gelu(left);
            right = gelu(right);
          }
          values[j * 2 + half] = packed<Number>(left, right);
        }
      }
      store_sixteen(shared_address(staging_ + lane() % 16 * pitch + (e + lane() / 16) * 16), values, e + 1 < eights);
    }
    __syncwarp();
  }
  /// From there to where they go.
  __device__ void write(const Read& read, const SixteenRows& rows, int column) const {
#pragma unroll
    for (int turn = 0; turn < turns; ++turn) {
      const int to = at_of(rows, turn), c = column + column_of(turn);
      Eight<Number> value = Eight<Number>::load(staging_ + row_of(turn) % 16 * pitch + column_of(turn) * 2);
      if (adds) value = fused(read.gates[turn], value, read.stream[turn]);
      if (row_of(turn) < 16 && to >= 0 && c < p_.n) value.store(out_ + to + c);
    }
  }

 private:
  static __device__ int lane() { return threadIdx.x % 32; }
  static __device__ int row_of(int turn) { return (turn * 32 + lane()) / eights; }
  static __device__ int column_of(int turn) { return (turn * 32 + lane()) % eights * 8; }
  static __device__ int at_of(const SixteenRows& rows, int turn) {
    return __shfl_sync(~0U, rows.at, row_of(turn) % 16);
  }

  const Arguments& p_;
  const Number* gate_;
  Number* out_;
  std::uint8_t* staging_;
};

}  // namespace dydit::gpu
