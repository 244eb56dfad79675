// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates (MACs) of one forward pass of one image, without guidance: linears, the patch
// convolution and both attention products; no softmax, norm or elementwise work.
#pragma once

#include <cstdint>

#include "model/configuration.h"

namespace dydit::cost {

struct Macs {
  std::int64_t patch = 0;
  std::int64_t conditioning = 0;  ///< time MLP
  std::int64_t adaln = 0;         ///< the blocks' modulation vectors
  std::int64_t attention = 0;     ///< qkv, both products, projection: 4 T D^2 + 2 T^2 D a block
  std::int64_t mlp = 0;           ///< 2 T D (ratio D) a block
  std::int64_t final = 0;         ///< final modulation and linear
  std::int64_t routers = 0;       ///< not in total()
  std::int64_t total() const { return patch + conditioning + adaln + attention + mlp + final; }
};

Macs macs_of(const model::Configuration& configuration);

struct ParameterCount {
  std::int64_t total = 0;      ///< the fixed position embedding included
  std::int64_t trainable = 0;  ///< without it
};

ParameterCount parameters_of(const model::Configuration& configuration);

}  // namespace dydit::cost
