// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace dydit::train {

/// weight (mean share of the blocks' MACs - target)^2, which holds a dynamic model to its target.
inline torch::Tensor flops_term(const torch::Tensor& mean_share, double target, double weight) {
  return weight * (mean_share - target).square();
}

}  // namespace dydit::train
