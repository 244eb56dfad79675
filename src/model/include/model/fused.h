// SPDX-License-Identifier: Apache-2.0
// The elementwise work between a block's matrix products, each in one pass over memory, with backward. On the
// CPU in float32 and bfloat16; everything else (GPU, float16, autocast) takes the plain formulas in `plain`.
// Shapes: x, y (N,T,D); gate, shift, scale (N,D), one vector for each image.
#pragma once

#include <torch/types.h>

#include <utility>

namespace dydit::model {

/// LN(x) * (1 + scale) + shift; LN without affine, eps 1e-6.
torch::Tensor modulated_norm(const torch::Tensor& x, const torch::Tensor& shift, const torch::Tensor& scale);

/// x + gate * y; in inference in x's own memory where nobody else holds it (std::move).
torch::Tensor gated_residual(torch::Tensor x, const torch::Tensor& y, const torch::Tensor& gate);

/// The gated residual r = x + gate * y, in x's own memory as above, and its modulated norm.
std::pair<torch::Tensor, torch::Tensor> gated_residual_norm(torch::Tensor x, const torch::Tensor& y,
                                                            const torch::Tensor& gate, const torch::Tensor& shift,
                                                            const torch::Tensor& scale);

/// x += gate * y, for inference.
void add_gated(torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& gate);

/// modulated_norm of some rows alone, for inference: `rows` (M) int64, numbers of tokens in 0 ... N T - 1 -> (height,D)
/// with height >= M, of which the rest is zero.
torch::Tensor modulated_norm_rows(const torch::Tensor& x, const torch::Tensor& rows, const torch::Tensor& shift,
                                  const torch::Tensor& scale, std::int64_t height);

/// x += gate * y at some rows alone, each named once, for inference: the first M rows of y (height,D).
void add_gated_rows(torch::Tensor& x, const torch::Tensor& rows, const torch::Tensor& y, const torch::Tensor& gate);

/// The same by LibTorch's operators, one pass each: the reference of the fused ones.
namespace plain {
torch::Tensor modulated_norm_rows(const torch::Tensor& x, const torch::Tensor& rows, const torch::Tensor& shift,
                                  const torch::Tensor& scale, std::int64_t height);
void add_gated_rows(torch::Tensor& x, const torch::Tensor& rows, const torch::Tensor& y, const torch::Tensor& gate);
torch::Tensor modulated_norm(const torch::Tensor& x, const torch::Tensor& shift, const torch::Tensor& scale);
torch::Tensor gated_residual(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& gate);
}  // namespace plain

}  // namespace dydit::model
