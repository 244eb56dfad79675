// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dydit::model {

/// What `heads` heads make of their q, k and v, (N,T,3 W) -> (N,T,W), before the projection.
torch::Tensor attention(const torch::Tensor& qkv, std::int64_t heads);

}  // namespace dydit::model
