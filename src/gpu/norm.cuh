// SPDX-License-Identifier: Apache-2.0
// LN(x) (1 + scale) + shift of one row, by the lanes of a warp; LN without affine, eps 1e-6.
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

/// `read(at)` gives eight numbers of the row. Each lane keeps `Eights` times eight.
template <typename Number, int Eights, typename Read>
__device__ void norm_row(const Read& read, const Number* shift, const Number* scale, Number* out, int width) {
  const int lane = threadIdx.x % 32;
  float values[Eights][8];
  float sum = 0;
#pragma unroll
  for (int i = 0; i < Eights; ++i) {
    const int at = (i * 32 + lane) * 8;
    if (at < width)
      read(at).to_floats(values[i]);
    else
      for (float& value : values[i]) value = 0;
    for (const float value : values[i]) sum += value;
  }
  const float mean = sum_of_warp(sum) / width;
  float squares = 0;
#pragma unroll
  for (int i = 0; i < Eights; ++i)
    if ((i * 32 + lane) * 8 < width)
      for (const float value : values[i]) squares += (value - mean) * (value - mean);
  const float factor = rsqrtf(sum_of_warp(squares) / width + 1e-6F);
#pragma unroll
  for (int i = 0; i < Eights; ++i) {
    const int at = (i * 32 + lane) * 8;
    if (at >= width) continue;
    float shifts[8], scales[8];
    Eight<Number>::load(shift + at).to_floats(shifts);
    Eight<Number>::load(scale + at).to_floats(scales);
    for (int j = 0; j < 8; ++j) values[i][j] = (values[i][j] - mean) * factor * (1 + scales[j]) + shifts[j];
    Eight<Number>::of(values[i]).store(out + at);
  }
}

/// Calls `work` with the fewest eights that a lane needs for a row, as a constant.
template <typename Work>
void with_eights(int width, const Work& work) {
  const int eights = (width / 8 + 31) / 32;
  require(width % 8 == 0 && eights <= 8, "a row of the model is not a multiple of 8 up to 2048");
  switch (eights) {
    case 1:
      return work(std::integral_constant<int, 1>());
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
