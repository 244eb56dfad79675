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

/// What a lane of a warp keeps of a row: every thirty-second eight of it.
template <typename Number, int Eights>
struct RowPart {
  Eight<Number> eights[Eights];

  /// `read(at)` gives eight numbers of the row.
  template <typename Read>
  __device__ void read(const Read& of_row, int width) {
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      const int at = (i * 32 + threadIdx.x % 32) * 8;
      eights[i] = at < width ? of_row(at) : Eight<Number>::zero();
    }
  }

  /// Makes it its modulated norm. `Ahead`: the modulation is read before it is needed, which takes registers; of few
  /// rows, nobody else wants them.
  template <bool Ahead>
  __device__ void norm(const Number* shift, const Number* scale, int width) {
    const int first = threadIdx.x % 32 * 8;
    Eight<Number> shifts[Eights], scales[Eights];
    const auto read_modulation = [&](int i) {
      const int at = i * 256 + first;
      if (at >= width) return;
      shifts[i] = Eight<Number>::constant(shift + at);
      scales[i] = Eight<Number>::constant(scale + at);
    };
    if (Ahead)
#pragma unroll
      for (int i = 0; i < Eights; ++i) read_modulation(i);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      float values[8];
      eights[i].to_floats(values);
      for (const float value : values) sum += value;
    }
    const float mean = sum_of_warp(sum) / width;
    float squares = 0;
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      float values[8];
      eights[i].to_floats(values);
      if (i * 256 + first < width)
        for (const float value : values) squares += (value - mean) * (value - mean);
    }
    const float factor = rsqrtf(sum_of_warp(squares) / width + 1e-6F);
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      const int at = i * 256 + first;
      if (at >= width) continue;
      if (!Ahead) read_modulation(i);
      float values[8], shift_of[8], scale_of[8];
      eights[i].to_floats(values);
      shifts[i].to_floats(shift_of);
      scales[i].to_floats(scale_of);
      for (int j = 0; j < 8; ++j) values[j] = (values[j] - mean) * factor * (1 + scale_of[j]) + shift_of[j];
      eights[i] = Eight<Number>::of(values);
    }
  }

  __device__ void store(Number* out, int width) const {
#pragma unroll
    for (int i = 0; i < Eights; ++i) {
      const int at = (i * 32 + threadIdx.x % 32) * 8;
      if (at < width) eights[i].store(out + at);
    }
  }
};

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
