// SPDX-License-Identifier: Apache-2.0
// What is before and behind a DiT's blocks, on a Hopper GPU in bfloat16 or float16, with float32 sums. The references
// are the layers of src/dit.
#pragma once

#include <torch/types.h>

namespace dydit::gpu {

/// x (N,C,S,S), of the weights' type or float -> tokens (N,T,D): weight (C p p,D) and bias (D), positions (T,D) added.
torch::Tensor embed_patches(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                            const torch::Tensor& positions, std::int64_t patch);

struct Conditioner {
  torch::Tensor weight1, bias1, weight2, bias2;  ///< of the time embedding: (D,256), (D), (D,D), (D)
  torch::Tensor labels;                          ///< (classes + 1,D)
  torch::Tensor frequencies;                     ///< float (128), of the sinusoids
};
/// SiLU(W2 SiLU(W1 sinusoids(t) + b1) + b2 + labels[y]) of t (N), int64 or float, and y (N) -> (N,D).
torch::Tensor condition(const Conditioner& conditioner, const torch::Tensor& t, const torch::Tensor& y);

/// Columns that a final layer's weight is to have, the last ones 0, for so many that count; 0: there is no kernel.
std::int64_t final_columns(std::int64_t width, std::int64_t columns);
struct FinalLayer {
  torch::Tensor shift, scale;  ///< (N,D)
  torch::Tensor weight, bias;  ///< (final_columns,D), (p p C)
  std::int64_t channels = 0, side = 0, patch = 0;
};
/// The modulated norm of x (N,T,D) times the weight, put together: (N,C,S,S).
torch::Tensor final_layer(const torch::Tensor& x, const FinalLayer& layer);

}  // namespace dydit::gpu
