// SPDX-License-Identifier: Apache-2.0
#include "panels.h"

#include <algorithm>

#include "tile.h"

namespace dydit::model {

namespace {

constexpr int vectors = panel_width * sizeof(float) / sizeof(HalfVector);

template <int rows>
DYDIT_INLINE void run(const FewRows& p, std::int64_t begin, std::int64_t end) {
  alignas(64) float sums[few * panel_width];
  for (std::int64_t panel = begin; panel < end; ++panel) {
    product<rows, vectors, HalfVector>({p.x, p.in_features, 1}, p.rows, p.panels + panel * p.in_features * panel_width,
                                       panel_width, sums, panel_width, p.in_features);
    const std::int64_t first = panel * panel_width, count = std::min(panel_width, p.out_features - first);
    for (std::int64_t i = 0; i < p.rows; ++i)
      for (std::int64_t j = 0; j < count; ++j)
        p.out[i * p.out_features + first + j] = sums[i * panel_width + j] + p.bias[first + j];
  }
}

template <int rows>
DYDIT_INLINE void run(const RouterRows& r, std::int64_t begin, std::int64_t end) {
  alignas(64) float hidden[rows * panel_width];
  for (std::int64_t row = begin; row < end; row += rows) {
    const std::int64_t some = std::min<std::int64_t>(rows, end - row);
    float logits[rows] = {};
    for (std::int64_t first = 0; first < r.hidden; first += panel_width) {
      product<rows, vectors, HalfVector>({r.x + row * r.in_features, r.in_features, 1}, some,
                                         r.panels + first * r.in_features, panel_width, hidden, panel_width,
                                         r.in_features);
      const std::int64_t count = std::min(panel_width, r.hidden - first);
      for (std::int64_t i = 0; i < some; ++i) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t j = 0; j < count; ++j) {
          const float value = hidden[i * panel_width + j] + r.bias[first + j];
          sum += (value < 0 ? 0 : value) * r.v[first + j];  // what is not a number stays so
        }
        logits[i] += sum;
      }
    }
    for (std::int64_t i = 0; i < some; ++i) r.logits[row + i] = logits[i] + r.v_bias;
  }
}

// A tile's sums take 24 of AVX-512's 32 registers, 12 of AVX2's 16.
template <typename Work>
void run(const Work& work, std::int64_t begin, std::int64_t end) {
  in_vector_code([&](auto wide) DYDIT_INLINE_LAMBDA { run<wide ? 8 : 4>(work, begin, end); });
}

}  // namespace

void few_rows(const FewRows& product, std::int64_t begin, std::int64_t end) { run(product, begin, end); }

void route(const RouterRows& router, std::int64_t begin, std::int64_t end) { run(router, begin, end); }

}  // namespace dydit::model
