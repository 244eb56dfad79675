// SPDX-License-Identifier: Apache-2.0
// Products whose result stays in registers until it is complete.
#pragma once

#include "vector.h"

namespace dydit::model {

/// A matrix that is read number by number: element (i, k) is at i * row + k * column.
struct Left {
  const float* at;
  std::int64_t row, column;
  DYDIT_INLINE Left from(std::int64_t i) const { return {at + i * row, row, column}; }
};

/// c (rows, `vectors` of V) = a (rows, depth) b (depth, `vectors` of V); rows of b and c are so far apart.
template <int rows, int vectors, typename V>
DYDIT_INLINE void tile(const Left& a, const float* b, std::int64_t row_of_b, float* c, std::int64_t row_of_c,
                       std::int64_t depth) {
  constexpr std::int64_t width = sizeof(V) / sizeof(float);
  V sums[rows][vectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    V right[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) right[j] = vector_at<V>(b + k * row_of_b + j * width);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const float left = a.at[i * a.row + k * a.column];
#pragma GCC unroll 8
      for (int j = 0; j < vectors; ++j) sums[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) vector_at<V>(c + i * row_of_c + j * width) = sums[i][j];
}

/// The same for `count` rows: `rows` at a time, and half as many each time for those that are left.
template <int rows, int vectors, typename V>
DYDIT_INLINE void product(const Left& a, std::int64_t count, const float* b, std::int64_t row_of_b, float* c,
                          std::int64_t row_of_c, std::int64_t depth) {
  std::int64_t i = 0;
  for (; i + rows <= count; i += rows)
    tile<rows, vectors, V>(a.from(i), b, row_of_b, c + i * row_of_c, row_of_c, depth);
  if constexpr (rows > 1)
    product<rows / 2, vectors, V>(a.from(i), count - i, b, row_of_b, c + i * row_of_c, row_of_c, depth);
}

}  // namespace dydit::model
