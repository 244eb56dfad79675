// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

#include "base/range.h"
#include "model/linear.h"
#include "tile.h"

namespace dydit::model {

using torch::Tensor;

namespace {

constexpr std::int64_t queries_of_part = 2 * lanes;

// In inference, float32 on the CPU: softmax(q k^T / sqrt(d)) v for all heads, in vector code.
struct Attend {
  const float* qkv = nullptr;  // (N,T,3,H,d)
  float* out = nullptr;        // (N,T,H,d)
  std::int64_t images = 0, tokens = 0, heads = 0, head_size = 0;

  // Parts of the work that are independent of each other: some queries of one head of one image.
  std::int64_t parts() const { return images * heads * ((tokens + queries_of_part - 1) / queries_of_part); }
};

using Bits = std::uint32_t __attribute__((vector_size(4 * lanes)));

// The right-hand matrix of a product lies in panels of so many columns, one after the other, the last one padded: rows
// that are far apart would fall on the same few lines of the cache.
constexpr std::int64_t panel = 2 * lanes;

// Memory that begins with a line of the cache, so that no vector lies in two.
class Aligned {
 public:
  explicit Aligned(std::int64_t size) : lines_(static_cast<std::size_t>((size + lanes - 1) / lanes)) {}
  float* data() { return lines_.front().values; }

 private:
  struct alignas(64) Line {
    float values[lanes] = {};
  };
  std::vector<Line> lines_;
};

// What a thread works with: the values of one head of one image, 32 of its queries, what they make of it.
struct Scratch {
  Scratch(std::int64_t tokens, std::int64_t head_size)
      : panels((head_size + panel - 1) / panel),
        values(tokens * panels * panel),
        queries(head_size * queries_of_part),
        weights(tokens * queries_of_part),
        mixed(queries_of_part * panels * panel) {}

  std::int64_t panels;  // of the head's size
  Aligned values;       // (panels, T, 32)
  Aligned queries;      // (d, 32), times log2(e) / sqrt(d)
  Aligned weights;      // (T, 32): of each key for each query
  Aligned mixed;        // (32, panels * 32)
};

// c (count, 32) = a (count, depth) b (depth, 32), b a panel.
template <int rows, int vectors>
DYDIT_INLINE void times_panel(const Left& a, std::int64_t count, const float* b, float* c, std::int64_t row_of_c,
                              std::int64_t depth) {
  for (std::int64_t j = 0; j < panel; j += vectors * lanes)
    product<rows, vectors, Vector>(a, count, b + j, panel, c + j, row_of_c, depth);
}

// 2^x for x <= 0; below the normal numbers the smallest of them. The fraction in [-1/2, 1/2] by exp's series, cut
// where it is below float's precision. What is not a number stays so.
DYDIT_INLINE void exp2(Vector& x) {
  const Vector zero = {}, round = zero + 12582912;  // 1.5 * 2^23: what is added to it is rounded to an integer
  const Vector smallest = zero - 126;
  const Vector given = x;
  x = x < smallest ? smallest : x;
  const Vector shifted = x + round;
  const Vector f = (x - (shifted - round)) * std::numbers::ln2_v<float>;
  Vector series = f * (1.0F / 5040) + 1.0F / 720;
  series = series * f + 1.0F / 120;
  series = series * f + 1.0F / 24;
  series = series * f + 1.0F / 6;
  series = series * f + 0.5F;
  series = series * f + 1.0F;
  series = series * f + 1.0F;
  x = reinterpret_cast<Vector>(reinterpret_cast<Bits>(series) + (reinterpret_cast<Bits>(shifted) << 23));
  x = given == given ? x : given;
}

// Each query's weights, before they are divided by their sum, in place.
DYDIT_INLINE void softmax(float* weights, std::int64_t tokens, float* sums) {
  for (std::int64_t j = 0; j < queries_of_part; j += lanes) {
    Vector largest = vector_at(weights + j);
    for (std::int64_t key = 1; key < tokens; ++key) {
      const Vector next = vector_at(weights + key * queries_of_part + j);
      largest = next > largest ? next : largest;
    }
    Vector sum = {};
    for (std::int64_t key = 0; key < tokens; ++key) {
      Vector weight = vector_at(weights + key * queries_of_part + j) - largest;
      exp2(weight);
      vector_at(weights + key * queries_of_part + j) = weight;
      sum += weight;
    }
    vector_at(sums + j) = sum;
  }
}

DYDIT_INLINE void copy_values(const float* values, std::int64_t row, const Attend& a, Scratch& s) {
  for (std::int64_t p = 0; p < s.panels; ++p) {
    const std::int64_t columns = std::min(panel, a.head_size - p * panel);
    float* const to = s.values.data() + p * a.tokens * panel;
    for (std::int64_t token = 0; token < a.tokens; ++token) {
      const float* const from = values + token * row + p * panel;
      if (columns == panel)
        std::memcpy(to + token * panel, from, panel * sizeof(float));
      else
        std::memcpy(to + token * panel, from, static_cast<std::size_t>(columns) * sizeof(float));
    }
  }
}

template <int rows, int vectors>
DYDIT_INLINE void run(const Attend& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t d = a.head_size, width = a.heads * d, row = 3 * width;
  const std::int64_t parts = a.parts() / (a.images * a.heads);  // of a head
  const float unit = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(d));
  Scratch s(a.tokens, d);
  std::int64_t copied = -1;
  for (std::int64_t part = begin; part < end; ++part) {
    const std::int64_t image = part / parts / a.heads, head = part / parts % a.heads;
    const float *const queries = a.qkv + image * a.tokens * row + head * d, *const keys = queries + width;
    if (copied != part / parts) copy_values(keys + width, row, a, s);
    copied = part / parts;
    const std::int64_t first = part % parts * queries_of_part, count = std::min(queries_of_part, a.tokens - first);
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < d; ++k)
        s.queries.data()[k * queries_of_part + i] = unit * queries[(first + i) * row + k];
    times_panel<rows, vectors>({keys, row, 1}, a.tokens, s.queries.data(), s.weights.data(), queries_of_part, d);
    float sums[queries_of_part];
    softmax(s.weights.data(), a.tokens, sums);
    const std::int64_t mixed_row = s.panels * panel;
    for (std::int64_t p = 0; p < s.panels; ++p)
      times_panel<rows, vectors>({s.weights.data(), 1, queries_of_part}, queries_of_part,
                                 s.values.data() + p * a.tokens * panel, s.mixed.data() + p * panel, mixed_row,
                                 a.tokens);
    for (std::int64_t i = 0; i < count; ++i) {
      const float share = 1 / sums[i];
      const float* const mixed = s.mixed.data() + i * mixed_row;
      float* const out = a.out + (image * a.tokens + first + i) * width + head * d;
#pragma omp simd
      for (std::int64_t k = 0; k < d; ++k) out[k] = share * mixed[k];
    }
  }
}

// The parts [begin, end); neighbouring ones share work. A tile's sums fill the registers: 16 of 32 with AVX-512, 8 of
// 16 with AVX2, whose vectors are half of one here.
void attend(const Attend& attention, std::int64_t begin, std::int64_t end) {
  in_vector_code([&](auto wide) DYDIT_INLINE_LAMBDA { run<wide ? 8 : 4, wide ? 2 : 1>(attention, begin, end); });
}

}  // namespace

Tensor attention(const Tensor& qkv, std::int64_t heads) {
  const Range range("sdpa");
  const auto n = qkv.size(0), t = qkv.size(1), width = qkv.size(2) / 3;
  if (suits_vector_code(qkv)) {
    const Tensor out = torch::empty({n, t, width}, qkv.options());
    const auto one = static_cast<double>(n * t * width);
    const Range kernel({.name = "attend",
                        .kernel = true,
                        .macs = 2 * one * static_cast<double>(t),
                        .bytes = 4 * one * static_cast<double>(qkv.element_size())});
    const Attend work{qkv.const_data_ptr<float>(), out.data_ptr<float>(), n, t, heads, width / heads};
    at::parallel_for(0, work.parts(), 1, [&](std::int64_t begin, std::int64_t end) { attend(work, begin, end); });
    return out;
  }
  const auto parts = qkv.view({n, t, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor out = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);  // (N,H,T,W/H)
  return out.transpose(1, 2).reshape({n, t, width});
}

}  // namespace dydit::model
