// SPDX-License-Identifier: Apache-2.0
// LN(x) (1 + scale) + shift of a row by a warp, which reads it once; LN without affine, eps 1e-6.
#pragma once

#include <cstdint>
#include <type_traits>

#include "check.h"
#include "numbers.cuh"

namespace dydit::gpu {

__device__ inline float sum_of_warp(float value) {
#pragma unroll
  for (int other = 16; other > 0; other /= 2) value += __shfl_xor_sync(~0U, value, other);
  return value;
}

/// A row lies in a warp by eights: every thirty-second one in a lane.
__device__ inline int column_of(int i) { return (i * 32 + threadIdx.x % 32) * 8; }

/// A row's shift and scale, in registers: of few rows, nobody else wants them.
template <typename Number, int Eights>
struct Modulation {
  Eight<Number> shifts[Eights], scales[Eights];

  __device__ void read(const Number* shift, const Number* scale, int width) {
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      const bool inside = column_of(i) < width;
      shifts[i] = inside ? Eight<Number>::load(shift + column_of(i)) : Eight<Number>::zero();
      scales[i] = inside ? Eight<Number>::load(scale + column_of(i)) : Eight<Number>::zero();
    }
  }
  __device__ Eight<Number> shift(int i) const { return shifts[i]; }
  __device__ Eight<Number> scale(int i) const { return scales[i]; }
};

/// The same in shared memory, where all warps of a block read it.
template <typename Number>
struct SharedModulation {
  const Number* both;  // shift, and behind it scale
  int width;

  __device__ Eight<Number> shift(int i) const { return Eight<Number>::load(both + column_of(i)); }
  __device__ Eight<Number> scale(int i) const { return Eight<Number>::load(both + width + column_of(i)); }
};

template <typename Number, int Eights>
struct RowPart {
  float values[Eights][8];

  /// `of_row(at)` gives eight numbers of the row.
  template <typename Read>
  __device__ void read(const Read& of_row, int width) {
    Eight<Number> eights[Eights];  // all are under way before the first is there
#pragma unroll
    for (int i = 0; i < Eights; ++i) eights[i] = column_of(i) < width ? of_row(column_of(i)) : Eight<Number>::zero();
#pragma unroll
    for (int i = 0; i < Eights; ++i) eights[i].to_floats(values[i]);
  }

  /// Makes it its modulated norm.
  template <typename Modulated>
  __device__ void norm(const Modulated& modulation, int width) {
    const float share = __fdividef(1.F, width);
    // Sums of neighbours, which do not wait for one another.
    float sums[4] = {}, squares[4] = {};
#pragma unroll
    for (int i = 0; i < Eights; ++i)
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[j % 4] += values[i][j];
    const float mean = sum_of_warp(sums[0] + sums[1] + (sums[2] + sums[3])) * share;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      if (column_of(i) >= width) continue;
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        values[i][j] -= mean;
        squares[j % 4] += values[i][j] * values[i][j];
      }
    }
    const float factor = rsqrtf(sum_of_warp(squares[0] + squares[1] + (squares[2] + squares[3])) * share + 1e-6F);
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      if (column_of(i) >= width) continue;
      float shift[8], scale[8];
      modulation.shift(i).to_floats(shift);
      modulation.scale(i).to_floats(scale);
#pragma unroll
      for (int j = 0; j < 8; ++j) values[i][j] = values[i][j] * (scale[j] * factor + factor) + shift[j];
    }
  }

  __device__ void store(Number* out, int width) const {
#pragma unroll
    for (int i = 0; i < Eights; ++i)
      if (column_of(i) < width) Eight<Number>::of(values[i]).store(out + column_of(i));
  }
};

/// Shift and, `width` numbers further, scale into shared memory, by all threads of a block.
template <typename Number>
__device__ void stage_modulation(Number* to, const Number* shift, const Number* scale, int width) {
  for (int at = threadIdx.x * 8; at < width; at += blockDim.x * 8) {
    Eight<Number>::constant(shift + at).store(to + at);
    Eight<Number>::constant(scale + at).store(to + width + at);
  }
}

/// So many eights does a lane keep of a row.
constexpr int eights_of(int width) { return (width + 255) / 256; }

/// Calls `work` with at least that, as a constant.
template <typename Work>
void with_eights(int width, const Work& work) {
  require(width % 8 == 0 && width <= 2048, "a row of the model is not a multiple of 8 up to 2048");
  switch (eights_of(width)) {
    case 1:
    case 2:
      return work(std::integral_constant<int, 2>());
    case 3:
      return work(std::integral_constant<int, 3>());
    case 4:
      return work(std::integral_constant<int, 4>());
    case 5:
      return work(std::integral_constant<int, 5>());
    default:
      return work(std::integral_constant<int, 8>());
  }
}

}  // namespace dydit::gpu
