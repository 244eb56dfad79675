// SPDX-License-Identifier: Apache-2.0
// Attention of a block in inference, float32 on the CPU: softmax(q k^T / sqrt(d)) v for all heads, in vector code
// that is chosen for the processor at run time.
#pragma once

#include <cstdint>

namespace dydit::model {

struct Attend {
  const float* qkv = nullptr;  ///< (N,T,3,H,d)
  float* out = nullptr;        ///< (N,T,H,d)
  std::int64_t images = 0, tokens = 0, heads = 0, head_size = 0;

  /// Parts of the work that are independent of each other: some queries of one head of one image.
  std::int64_t parts() const;
};

/// The parts [begin, end); neighbouring ones share work.
void attend(const Attend& attention, std::int64_t begin, std::int64_t end);

}  // namespace dydit::model
