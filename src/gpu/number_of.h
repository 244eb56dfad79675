// SPDX-License-Identifier: Apache-2.0
// What tensors have to be for the kernels.
#pragma once

#include <torch/types.h>

#include "kernels.h"

namespace dydit::gpu {

/// Throws UsageError for other types.
Number number_of(const torch::Tensor& x);
/// Of kernels that read rows of x (N,T,D) and their modulation 16 bytes at a time. Throws UsageError.
void require_rows(const torch::Tensor& x, const torch::Tensor& shift, const torch::Tensor& scale);

/// At most two tensors, whose numbers lie together. Throws UsageError.
Ahead ahead_of(const std::vector<torch::Tensor>& weights);

}  // namespace dydit::gpu
