// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include "catch.h"
#include "dit/dit.h"
#include "gpu/support.h"

namespace dydit::test {

/// Whether our kernels run here; says so where they do not.
inline bool has_hopper() {
  const bool there =
      torch::cuda::is_available() && gpu::lacks(torch::Device(torch::kCUDA, 0), torch::kBFloat16).empty();
  if (!there) WARN("skipped: no GPU of compute capability 9.0");
  return there;
}

/// ||a - b|| / ||b||, in float64.
inline double relative(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor exact = b.to(torch::kFloat64);
  return ((a.to(torch::kFloat64) - exact).norm() / exact.norm()).item<double>();
}

/// The same model in float64, on the same GPU.
inline dit::DiT in_float64(const dit::DiT& dit) {
  dit::DiT copy(dit->configuration);
  torch::NoGradGuard no_grad;
  copy->to(dit->pos_embed.device(), torch::kFloat64);
  for (const auto& item : dit->named_parameters()) copy->named_parameters()[item.key()].copy_(item.value());
  copy->eval();
  return copy;
}

}  // namespace dydit::test
