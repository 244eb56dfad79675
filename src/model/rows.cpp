// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <bit>
#include <cmath>

#include "vector.h"

namespace dydit::model {

namespace {

constexpr float epsilon = 1e-6F;

DYDIT_INLINE float load(const float& value) { return value; }
DYDIT_INLINE float load(const c10::BFloat16& value) { return std::bit_cast<float>(std::uint32_t{value.x} << 16); }

DYDIT_INLINE void store(float& out, float value) { out = value; }
// To the nearest, ties to even; numbers that are none stay none.
DYDIT_INLINE void store(c10::BFloat16& out, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  out.x = static_cast<std::uint16_t>(value == value ? rounded : (bits >> 16) | 0x40U);
}

// The sum of term(x) over the numbers of a row, as four sums of vectors: additions to one would wait for each other.
template <typename Term>
DYDIT_INLINE float sum_of(const float* row, std::int64_t width, const Term& term) {
  Vector sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * lanes <= width; i += 4 * lanes)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      Vector value = vector_at(row + i + j * lanes);
      term(value);
      sums[j] += value;
    }
  float lane[lanes];
  vector_at(lane) = (sums[0] + sums[1]) + (sums[2] + sums[3]);
#pragma GCC unroll 4
  for (std::int64_t half = lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (std::int64_t j = 0; j < half; ++j) lane[j] += lane[j + half];
  float sum = lane[0];
  for (; i < width; ++i) {
    float value = row[i];
    term(value);
    sum += value;
  }
  return sum;
}

template <typename T>
DYDIT_INLINE void forward(const ForwardRow<T>& row) {
  const std::int64_t d = row.width;
  float* const r = row.scratch;
  const T *const x = row.x, *const y = row.y, *const gate = row.gate;
  if (y == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < d; ++i) r[i] = load(x[i]);
  } else {
    T* const out = row.r;
#pragma omp simd
    for (std::int64_t i = 0; i < d; ++i) {
      r[i] = load(x[i]) + load(gate[i]) * load(y[i]);
      store(out[i], r[i]);
    }
  }
  if (row.h == nullptr) return;
  const auto width = static_cast<float>(d);
  const float mean = sum_of(r, d, [](auto&) {}) / width;
  const float squares = sum_of(r, d, [mean](auto& value) {
    value -= mean;
    value *= value;
  });
  const float rstd = 1 / std::sqrt(squares / width + epsilon);
  const T *const shift = row.shift, *const scale = row.scale;
  T* const h = row.h;
#pragma omp simd
  for (std::int64_t i = 0; i < d; ++i) store(h[i], (r[i] - mean) * rstd * (1 + load(scale[i])) + load(shift[i]));
  if (row.mean != nullptr) *row.mean = mean;
  if (row.rstd != nullptr) *row.rstd = rstd;
}

// Gradient of r, without the part that flows through the residual, into the scratch; adds those of shift and
// scale. With g = grad_h * (1 + scale) and n the normalised row: rstd * (g - mean(g) - n * mean(g * n)).
template <typename T>
DYDIT_INLINE void norm_backward(const BackwardRow<T>& row) {
  const std::int64_t d = row.width;
  const T *const r = row.r, *const scale = row.scale, *const grad_h = row.grad_h;
  float *const out = row.scratch, *const grad_shift = row.grad_shift, *const grad_scale = row.grad_scale;
  const float mean = *row.mean, rstd = *row.rstd;
  float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
  for (std::int64_t i = 0; i < d; ++i) {
    const float n = (load(r[i]) - mean) * rstd, dh = load(grad_h[i]), g = dh * (1 + load(scale[i]));
    grad_shift[i] += dh;
    grad_scale[i] += dh * n;
    sum += g;
    product += g * n;
  }
  sum /= static_cast<float>(d);
  product /= static_cast<float>(d);
#pragma omp simd
  for (std::int64_t i = 0; i < d; ++i) {
    const float n = (load(r[i]) - mean) * rstd, g = load(grad_h[i]) * (1 + load(scale[i]));
    out[i] = rstd * (g - sum - n * product);
  }
}

template <typename T>
DYDIT_INLINE void backward(const BackwardRow<T>& row) {
  const std::int64_t d = row.width;
  float* const grad = row.scratch;
  if (row.grad_h != nullptr) {
    norm_backward(row);
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < d; ++i) grad[i] = 0;
  }
  if (const T* const grad_r = row.grad_r; grad_r != nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < d; ++i) grad[i] += load(grad_r[i]);
  }
  T* const grad_x = row.grad_x;
#pragma omp simd
  for (std::int64_t i = 0; i < d; ++i) store(grad_x[i], grad[i]);
  if (row.y == nullptr) return;
  const T *const y = row.y, *const gate = row.gate;
  T* const grad_y = row.grad_y;
  float* const grad_gate = row.grad_gate;
#pragma omp simd
  for (std::int64_t i = 0; i < d; ++i) {
    store(grad_y[i], load(gate[i]) * grad[i]);
    grad_gate[i] += load(y[i]) * grad[i];
  }
}

}  // namespace

template <typename T>
void forward_row(const ForwardRow<T>& row) {
  in_vector_code([&](auto) DYDIT_INLINE_LAMBDA { forward(row); });
}
template <typename T>
void backward_row(const BackwardRow<T>& row) {
  in_vector_code([&](auto) DYDIT_INLINE_LAMBDA { backward(row); });
}

template void forward_row(const ForwardRow<float>&);
template void forward_row(const ForwardRow<c10::BFloat16>&);
template void backward_row(const BackwardRow<float>&);
template void backward_row(const BackwardRow<c10::BFloat16>&);

}  // namespace dydit::model
