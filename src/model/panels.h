// SPDX-License-Identifier: Apache-2.0
// Products with few rows (adaLN: one for each image) or few columns (a router's), which take a general product several
// times as long as reading their weight does: float32 on the CPU, in vector code that is chosen for the processor at
// run time. A weight (out, in) lies in panels (ceil(out / 24), in, 24), the last one padded with zeros.
#pragma once

#include <cstdint>

namespace dydit::model {

inline constexpr std::int64_t panel_width = 24;
inline constexpr std::int64_t few = 16;  ///< rows that FewRows takes at most

/// out = x W^T + bias.
struct FewRows {
  const float *x = nullptr, *panels = nullptr, *bias = nullptr;  ///< (rows, in), W, (out)
  float* out = nullptr;                                          ///< (rows, out)
  std::int64_t rows = 0, in_features = 0, out_features = 0;
};

/// The panels [begin, end) of the weight.
void few_rows(const FewRows& product, std::int64_t begin, std::int64_t end);

/// logits = relu(x W^T + bias) v + v_bias.
struct RouterRows {
  const float *x = nullptr, *panels = nullptr, *bias = nullptr;  ///< (rows, in), W, (hidden)
  const float* v = nullptr;                                      ///< (hidden)
  float v_bias = 0;
  float* logits = nullptr;  ///< (rows)
  std::int64_t in_features = 0, hidden = 0;
};

/// The rows [begin, end).
void route(const RouterRows& router, std::int64_t begin, std::int64_t end);

}  // namespace dydit::model
