// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace dydit::train {

/// weight (mean share of the blocks' MACs - target)^2, which holds a dynamic model to its target.
torch::Tensor flops_term(const torch::Tensor& mean_share, double target, double weight);

}  // namespace dydit::train
