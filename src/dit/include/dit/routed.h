// SPDX-License-Identifier: Apache-2.0
// The tokens that go through an MLP, as the compact engine works on them.
#pragma once

#include <torch/types.h>

namespace dydit::dit {

struct Routed {
  torch::Tensor rows;       ///< (M) int64: numbers of the tokens in the whole batch, ascending
  std::int64_t height = 0;  ///< rows that the products have: M rounded up
};

/// Of a mask (N,T). On a GPU the host waits for the count.
Routed routed_of(const torch::Tensor& mask);

}  // namespace dydit::dit
