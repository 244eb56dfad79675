// SPDX-License-Identifier: Apache-2.0
#include "train/flops_term.h"

namespace dydit::train {

torch::Tensor flops_term(const torch::Tensor& mean_share, double target, double weight) {
  return weight * (mean_share - target).square();
}

}  // namespace dydit::train
