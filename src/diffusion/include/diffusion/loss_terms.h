// SPDX-License-Identifier: Apache-2.0
// What a process makes of a model's output for a batch of N images.
#pragma once

#include <torch/types.h>

namespace dydit::diffusion {

/// The vb terms are undefined where the process has none.
struct LossTerms {
  torch::Tensor mse_map, vb_map;  ///< (N,C,H,W): squared error of the prediction, no weight; vb in bits per dimension
  torch::Tensor mse, vb;          ///< (N), their means over each image
  torch::Tensor loss;             ///< (N), what training minimises
};

/// The model's output without the channels of a learned variance: (N,C,H,W) of (N, C or 2C, H, W).
inline torch::Tensor predicted(const torch::Tensor& output, std::int64_t channels) {
  return output.narrow(1, 0, channels);
}

}  // namespace dydit::diffusion
