// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace dydit::instrument {

/// Standard normal numbers for work that is timed: the same ones in every run, for each `which` others.
torch::Tensor operand(at::IntArrayRef sizes, std::uint64_t which, const torch::TensorOptions& options);

}  // namespace dydit::instrument
